import type { Defect } from "../source.ts";
import { WireEntry } from "./entry.ts";
import { type EntryPosition, singleMessage, type WireMessage } from "./message.ts";
import { MalformedError } from "./protobuf-reader.ts";

/** What the objects of a message, its records' among them, and of an entry take on the heap beside the entry's bytes, as measured. */
const MESSAGE_OVERHEAD = 250;
const ENTRY_OVERHEAD = 480;

/** Permits that one entry may be counted as; more in its metadata is a lie. */
const LARGEST_BATCH = 1_000_000;

export interface DecodedEntry {
  readonly entry: WireEntry;
  readonly messages: readonly WireMessage[];
  /** What the broker counted this entry as. */
  readonly permits: number;
  readonly retainedBytes: number;
  /** The payload of a chunk, in memory of its own, still encrypted; null for all other entries. */
  readonly chunk: Buffer | null;
  /** Called once nobody reads the messages any more: gives their memory back. Null where that is left to the collector. */
  readonly release: (() => void) | null;
}

/** An entry that cannot be read: one message with the raw bytes. `entry` is null when not even its metadata can be. */
export function defectiveEntry(
  entry: WireEntry | null,
  position: EntryPosition,
  defect: Defect,
  raw: Buffer,
): DecodedEntry {
  const defective = entry ?? new WireEntry(raw, 0, 0);
  defective.defect = defect;
  return {
    entry: defective,
    messages: [singleMessage(defective, position, raw, 0, raw.length)],
    permits: permitsOf(defective),
    retainedBytes: retainedBytes(raw.length, 1) + (defective.bytes === raw ? 0 : defective.end - defective.start),
    chunk: null,
    release: null,
  };
}

/** What a broker counts the entry as: the messages of a batch, one for all else. */
export function permitsOf(entry: WireEntry): number {
  return Math.min(Math.max(entry.batchSize, 1), LARGEST_BATCH);
}

export function retainedBytes(bytes: number, messages: number): number {
  return bytes + ENTRY_OVERHEAD + messages * MESSAGE_OVERHEAD;
}

/** Only malformed bytes are expected here; any other error is told with its name, since the bytes caused it. */
export function corruption(error: unknown): Defect {
  if (error instanceof MalformedError) return { code: "CorruptEntry", message: error.message };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : "it cannot be decoded";
  return { code: "CorruptEntry", message };
}
