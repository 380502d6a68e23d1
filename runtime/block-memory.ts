/** Memory that is used again. */
export interface BlockMemory {
  /** `bytes` or more, at an offset that is a multiple of eight. */
  take(bytes: number): Buffer;
  /** `block`, or what begins where it begins, is read by nobody any more. What is not given back is collected. */
  giveBack(block: Buffer): void;
}

/** Smaller blocks are not worth keeping. */
export const BLOCK_BYTES = 64 * 1024;

/**
 * Keeps blocks for the next who ask: left to the collector, blocks of megabytes would wait for it by the dozen.
 * @param keptBytes that are kept at most
 */
export function createBlockMemory(keptBytes: number): BlockMemory {
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
      while (kept > keptBytes) kept -= free.shift()?.byteLength ?? 0;
    },
  };
}
