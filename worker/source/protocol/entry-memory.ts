import { BLOCK_BYTES, createBlockMemory } from "../../../runtime/block-memory.ts";

/** Entries up to this size share a slab: memory of its own costs a small entry more than everything else about it. */
const SMALL = 2048;
/** A slab lives as long as the last entry in it, so it is small. */
const SLAB = 16 * 1024;
/** Memory is bounded by the bytes of the entries: little of a block may stay unused. */
const MOST_TIMES = 1.5;

/** Memory for entries: what was done with is used again at once, where the collector would come late. */
export interface EntryMemory {
  /** `size` bytes that nobody else has. */
  own(size: number): Buffer;
  /** A copy of `source[start..end)`; small ones share their memory with others. */
  copy(source: Buffer, start: number, end: number): Buffer;
  /**
   * `own` is what the function of this name gave, and is read by nobody any more: every view of it throws from now on, so that what is
   * read too late is a fault and not another message.
   */
  giveBack(own: Buffer): void;
  /** Whether a copy of so many bytes has its memory to itself, and may be given back. */
  owns(size: number): boolean;
}

export function entryMemory(): EntryMemory {
  const blocks = createBlockMemory(MOST_TIMES);
  let slab = Buffer.alloc(0);
  let used = 0;
  const own = (size: number): Buffer => blocks.take(size).subarray(0, size);
  const owns = (size: number): boolean => size > SMALL;
  return {
    own,
    owns,
    copy(source, start, end) {
      const size = end - start;
      if (owns(size)) {
        const copy = own(size);
        source.copy(copy, 0, start, end);
        return copy;
      }
      if (slab.length - used < size) {
        slab = Buffer.allocUnsafeSlow(SLAB);
        used = 0;
      }
      const copy = slab.subarray(used, used + size);
      source.copy(copy, 0, start, end);
      used += size;
      return copy;
    },
    giveBack({ buffer }) {
      const memory = buffer as ArrayBuffer;
      // Detached either way; without a new length it is moved, and not copied.
      if (memory.byteLength < BLOCK_BYTES) memory.transfer(0);
      else blocks.giveBack(Buffer.from(memory.transfer()));
    },
  };
}
