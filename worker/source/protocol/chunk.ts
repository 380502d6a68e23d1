import type { WireEntry } from "./entry.ts";
import type { EntryPosition } from "./message.ts";

/** An entry that holds a part of a message which is larger than a frame. */
export interface Chunk {
  readonly entry: WireEntry;
  /** Still encrypted when the entry is. */
  readonly payload: Buffer;
  readonly position: EntryPosition;
}

/** What the objects of a chunk take on the heap, as measured: it may hold nothing else. */
export const CHUNK_OVERHEAD = 700;

/** Bytes that a chunk retains: its payload, its metadata and its objects. */
export function chunkBytes({ entry, payload }: Chunk): number {
  return payload.length + entry.end - entry.start + CHUNK_OVERHEAD;
}
