import { isMemoryShortage } from "../../../runtime/memory-shortage.ts";
import { type Defect, SourceError } from "../source.ts";
import type { BatchCursor } from "./batch-cursor.ts";
import { WireEntry } from "./entry.ts";
import {
  type EntryPosition,
  MOST_MESSAGES,
  MOST_PROPERTIES,
  singleMessage,
  tooManyProperties,
  type WireMessage,
} from "./message.ts";
import { MalformedError } from "./protobuf-reader.ts";

/** What the objects of a message, its records' among them, and of an entry take on the heap beside the entry's bytes, as measured. */
const MESSAGE_OVERHEAD = 250;
const ENTRY_OVERHEAD = 480;

/** More messages are not read from one entry. */
export const LARGEST_BATCH = 1_000_000;

/** Keys for some hundred groups of readers. */
const MOST_ENCRYPTION_BYTES = 128 * 1024;

/** An entry whose content takes more is read while no other such one is handed on. */
const LARGE_BYTES = 1024 * 1024;

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
  /** Of a batch that is handed on in parts: `messages` is empty, and they come from here. Null for all other entries. */
  readonly parts: BatchCursor | null;
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
    permits: defective.batchSize,
    retainedBytes: retainedBytes(raw.length, 1) + (defective.bytes === raw ? 0 : defective.end - defective.start),
    chunk: null,
    release: null,
    parts: null,
  };
}

/** Why a batch cannot hold as many messages as it says; null when it can. */
export function countDefect({ batchSize }: WireEntry): Defect | null {
  if (batchSize >= 1 && batchSize <= LARGEST_BATCH) return null;
  const most = `a batch has at least 1, and at most ${LARGEST_BATCH} are read`;
  return { code: "CorruptEntry", message: `the entry says that it holds ${batchSize} messages; ${most}` };
}

/** Why an entry's metadata cannot be made objects of; null when they can. Whoever passes it on gets as much as may be. */
export function metadataDefect(entry: WireEntry): Defect | null {
  const { encryptionBytes, properties } = entry;
  if (properties > MOST_PROPERTIES)
    return { code: "CorruptEntry", message: tooManyProperties("the message", properties) };
  if (encryptionBytes <= MOST_ENCRYPTION_BYTES) return null;
  entry.encrypted = false;
  const most = `at most ${MOST_ENCRYPTION_BYTES} are read`;
  return {
    code: "CorruptEntry",
    message: `the encrypted data keys and their metadata take ${encryptionBytes} bytes; ${most}`,
  };
}

/** Whether the messages of the entry are more than may be made at once. */
export function isParted({ batchSize, encrypted }: WireEntry): boolean {
  return batchSize > MOST_MESSAGES && !encrypted;
}

/** Whether the entry takes much memory for long. @param received bytes of its payload as it came */
export function isLarge({ batchSize, compression, uncompressedSize }: WireEntry, received: number): boolean {
  return batchSize > MOST_MESSAGES && (compression === 0 ? received : uncompressedSize) > LARGE_BYTES;
}

export function messageBytes(messages: number): number {
  return messages * MESSAGE_OVERHEAD;
}

export function retainedBytes(bytes: number, messages: number): number {
  return bytes + ENTRY_OVERHEAD + messages * MESSAGE_OVERHEAD;
}

/** The third verdict beside sound and corrupt: it is read again when there is memory. */
export function memoryExhausted(error: unknown): SourceError {
  const text = "there is no memory to read a message now; it comes again: raise the memory limit in spec.pod.resources";
  return new SourceError("MemoryExhausted", text, { cause: error });
}

/**
 * Only malformed bytes are expected here; any other error is told with its name, since the bytes caused it.
 * @throws SourceError where they did not
 */
export function corruption(error: unknown): Defect {
  if (isMemoryShortage(error)) throw memoryExhausted(error);
  if (error instanceof MalformedError) return { code: "CorruptEntry", message: error.message };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : "it cannot be decoded";
  return { code: "CorruptEntry", message };
}
