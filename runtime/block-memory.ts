/** Memory that is used again. */
export interface BlockMemory {
  /** `bytes` or more, at an offset that is a multiple of eight. */
  take(bytes: number): Buffer;
  /** `block`, or what begins where it begins, is read by nobody any more. What is not given back is collected. */
  giveBack(block: Buffer): void;
}

/** Smaller blocks are not worth keeping. */
export const BLOCK_BYTES = 64 * 1024;
/** What nobody needed for so long is freed. */
export const SPARE_MS = 10_000;

/**
 * Keeps blocks for the next who ask, never more of them than were in use at once. The collector would free them late; and
 * it counts what is allocated outside of its heap, so that it would run several times as often.
 * @param mostTimes how many times as large as what is asked for a block may be
 * @param mostFree bytes that are kept at most
 */
export function createBlockMemory(mostTimes: number, mostFree = Number.POSITIVE_INFINITY): BlockMemory {
  /** The one given back last is taken first, so that those which are not needed lie at the beginning. */
  const free: ArrayBuffer[] = [];
  /** How many of these, from the beginning, were not needed since the last look. */
  let spare = 0;
  let freeBytes = 0;
  let looking = false;

  /** Frees the memory of the one given back first, at once. */
  const discard = (): void => {
    const block = free.shift();
    if (block === undefined) return;
    freeBytes -= block.byteLength;
    if (spare > 0) spare -= 1;
    block.transfer(0);
  };
  const lookLater = (): void => {
    looking = true;
    setTimeout(look, SPARE_MS).unref();
  };
  const look = (): void => {
    looking = false;
    while (spare > 0) discard();
    spare = free.length;
    if (spare > 0) lookLater();
  };

  return {
    take: (bytes) => {
      if (bytes < BLOCK_BYTES) return Buffer.allocUnsafeSlow(bytes);
      const size = Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
      const index = smallestFrom(free, size, size * mostTimes);
      if (index >= 0) {
        const [block] = free.splice(index, 1) as [ArrayBuffer];
        freeBytes -= block.byteLength;
        if (index < spare) spare -= 1;
        return Buffer.from(block);
      }
      // In place of what fits nobody.
      const rest = Math.max(0, freeBytes - size);
      while (freeBytes > rest) discard();
      return Buffer.allocUnsafeSlow(size);
    },
    giveBack: ({ buffer }) => {
      if (buffer.byteLength < BLOCK_BYTES) return;
      free.push(buffer as ArrayBuffer);
      freeBytes += buffer.byteLength;
      while (freeBytes > mostFree) discard();
      if (!looking) lookLater();
    },
  };
}

/** The place of the last one of the smallest that have `least` bytes and not more than `most`; -1 when none has. */
function smallestFrom(blocks: readonly ArrayBuffer[], least: number, most: number): number {
  let found = -1;
  let size = Number.POSITIVE_INFINITY;
  for (let index = blocks.length - 1; index >= 0; index--) {
    const { byteLength } = blocks[index] as ArrayBuffer;
    if (byteLength < least || byteLength > most || byteLength >= size) continue;
    found = index;
    size = byteLength;
  }
  return found;
}
