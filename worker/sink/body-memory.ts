import { type BlockMemory, createBlockMemory } from "../../runtime/block-memory.ts";
import type { MadeData } from "./sink.ts";

/** Memory for request bodies. */
export interface BodyMemory extends BlockMemory {
  /** The data, in memory that the next call overwrites. */
  written(data: MadeData): Buffer;
}

const RETAINED_BYTES = 8 * 1024 * 1024;
/** What is larger is rare, and gets memory of its own. */
const RETAINED_DATA_BYTES = 256 * 1024;

export function createBodyMemory(): BodyMemory {
  let room = Buffer.alloc(0);
  return {
    // Sizes change from one to the next.
    ...createBlockMemory(Number.POSITIVE_INFINITY, RETAINED_BYTES),
    written: (data) => {
      const enough = data.size <= room.length ? room : Buffer.allocUnsafeSlow(data.size);
      if (data.size <= RETAINED_DATA_BYTES) room = enough;
      const target = enough.subarray(0, data.size);
      data.write(target);
      return target;
    },
  };
}
