import type { WireEntry } from "./entry.ts";
import type { EntryPosition } from "./message.ts";

/** An entry that holds a part of a message which is larger than a frame. */
export interface Chunk {
  readonly entry: WireEntry;
  /** Still encrypted when the entry is. */
  readonly payload: Buffer;
  readonly position: EntryPosition;
}

/** Bytes that a chunk retains: its payload and its metadata. */
export function chunkBytes({ entry, payload }: Chunk): number {
  return payload.length + entry.end - entry.start;
}
