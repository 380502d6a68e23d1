/** Memory for request bodies. */
export interface BodyMemory {
  /** `bytes` or more, at an offset that is a multiple of eight. */
  take(bytes: number): Buffer;
  /** `body`, or what begins where it begins, is read by nobody any more. Bodies that are not given back are collected. */
  giveBack(body: Buffer): void;
}

const BLOCK_BYTES = 64 * 1024;
const KEPT_BYTES = 8 * 1024 * 1024;

/**
 * Keeps blocks for the next requests: left to the collector, bodies of megabytes would wait for it by the dozen. Small
 * ones are not worth it.
 */
export function createBodyMemory(): BodyMemory {
  /** The one given back last is taken first, so that the others go cold. */
  const free: ArrayBuffer[] = [];
  let kept = 0;
  return {
    take: (bytes) => {
      if (bytes < BLOCK_BYTES) return Buffer.allocUnsafeSlow(bytes);
      const index = free.findLastIndex((block) => block.byteLength >= bytes);
      const [block] = index < 0 ? [] : free.splice(index, 1);
      if (block === undefined) return Buffer.allocUnsafeSlow(Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES);
      kept -= block.byteLength;
      return Buffer.from(block);
    },
    giveBack: ({ buffer }) => {
      if (buffer.byteLength < BLOCK_BYTES) return;
      free.push(buffer as ArrayBuffer);
      kept += buffer.byteLength;
      while (kept > KEPT_BYTES) kept -= free.shift()?.byteLength ?? 0;
    },
  };
}
