/** Entries up to this size share a slab: memory of its own costs a small entry more than everything else about it. */
const SMALL = 2048;
/** A slab lives as long as the last entry in it, so it is small. */
const SLAB = 16 * 1024;

export interface EntryMemory {
  /** A copy of `source[start..end)`. */
  copy(source: Buffer, start: number, end: number): Buffer;
}

/** Memory for entries whose bytes are still the socket's. */
export function entryMemory(): EntryMemory {
  let slab = Buffer.alloc(0);
  let used = 0;
  return {
    copy(source, start, end) {
      const size = end - start;
      if (size > SMALL) {
        const own = Buffer.allocUnsafeSlow(size);
        source.copy(own, 0, start, end);
        return own;
      }
      if (slab.length - used < size) {
        slab = Buffer.allocUnsafeSlow(SLAB);
        used = 0;
      }
      const own = slab.subarray(used, used + size);
      source.copy(own, 0, start, end);
      used += size;
      return own;
    },
  };
}
