import type { Decryptor } from "../encryption/decryptor.ts";
import { type Defect, SourceError } from "../source.ts";
import { BatchCursor } from "./batch-cursor.ts";
import type { Chunk } from "./chunk.ts";
import { Compression } from "./compression.ts";
import {
  corruption,
  countDefect,
  type DecodedEntry,
  defectiveEntry,
  isLarge,
  isParted,
  metadataDefect,
  retainedBytes,
} from "./decoded-entry.ts";
import { WireEntry } from "./entry.ts";
import { metadataSizeAt } from "./entry-framing.ts";
import type { EntryMemory } from "./entry-memory.ts";
import { detach, EntryUnpacker } from "./entry-unpacker.ts";
import { type AckSet, type EntryPosition, messagesOf } from "./message.ts";
import { MalformedError, ProtobufReader } from "./protobuf-reader.ts";

export interface EntryDecoder {
  /**
   * Decodes what follows the command of a MESSAGE frame. What cannot be read becomes one message with the raw bytes and
   * a defect. `owned` as in frame-splitter; nothing else of `bytes` is retained.
   * @returns null for a large entry while another one has the turn
   * @throws SourceError when it cannot be told now what the entry holds (SecretMissing), and nothing else
   */
  decode(
    bytes: Buffer,
    start: number,
    end: number,
    owned: boolean,
    position: EntryPosition,
    ackSet: AckSet | null,
  ): DecodedEntry | null;
  /** What the broker counted the entry as, which it sent without looking at the checksum. Bytes as for `decode`. */
  permits(bytes: Buffer, start: number, end: number): number;
  /** The message that these chunks make up; or why they cannot be decrypted. @throws SourceError as `decode` */
  assemble(chunks: readonly Chunk[]): DecodedEntry | Defect;
}

/** `maxUncompressedBytes` bounds what one entry may inflate to, and what chunks may add up to. */
export function createEntryDecoder(options: {
  readonly maxUncompressedBytes: number;
  /** Null: what is encrypted stays so. */
  readonly decryptor: Decryptor | null;
  /** The one that owned frames come from. */
  readonly memory: EntryMemory;
  /** False while a large entry is handed on, so that no other may be read. */
  readonly largeMayBeRead?: () => boolean;
}): EntryDecoder {
  const { decryptor, maxUncompressedBytes, memory, largeMayBeRead = () => true } = options;
  return new FrameEntryDecoder(new EntryUnpacker(decryptor, maxUncompressedBytes), memory, largeMayBeRead);
}

class FrameEntryDecoder implements EntryDecoder {
  readonly #unpacker: EntryUnpacker;
  readonly #memory: EntryMemory;
  readonly #largeMayBeRead: () => boolean;
  readonly #reader = new ProtobufReader();

  constructor(unpacker: EntryUnpacker, memory: EntryMemory, largeMayBeRead: () => boolean) {
    this.#unpacker = unpacker;
    this.#memory = memory;
    this.#largeMayBeRead = largeMayBeRead;
  }

  decode(
    bytes: Buffer,
    start: number,
    end: number,
    owned: boolean,
    position: EntryPosition,
    ackSet: AckSet | null,
  ): DecodedEntry | null {
    try {
      return this.#decode(bytes, start, end, owned, position, ackSet);
    } catch (error) {
      if (error instanceof SourceError) throw error;
      const raw = defectiveEntry(null, position, corruption(error), Buffer.from(bytes.subarray(start, end)));
      return { ...raw, permits: this.permits(bytes, start, end) };
    }
  }

  permits(bytes: Buffer, start: number, end: number): number {
    try {
      const metadataSize = metadataSizeAt(bytes, start, end, false);
      const metadataStart = metadataSize + 4;
      const metadataEnd = metadataStart + bytes.readUInt32BE(metadataSize);
      const entry = new WireEntry(bytes, metadataStart, metadataEnd).parse(this.#reader);
      // It is required: without it nothing else is to be trusted.
      return entry.publishTime === 0 ? 1 : entry.batchSize;
    } catch {
      return 1;
    }
  }

  assemble(chunks: readonly Chunk[]): DecodedEntry | Defect {
    return this.#unpacker.assemble(chunks);
  }

  /** @throws MalformedError SourceError */
  #decode(
    bytes: Buffer,
    start: number,
    end: number,
    owned: boolean,
    position: EntryPosition,
    ackSet: AckSet | null,
  ): DecodedEntry | null {
    const metadataSize = metadataSizeAt(bytes, start, end, true);
    const metadataStart = metadataSize + 4;
    const payloadStart = metadataStart + bytes.readUInt32BE(metadataSize);
    if (payloadStart > end) throw new MalformedError("the metadata exceed the frame");
    const entry = new WireEntry(bytes, metadataStart, payloadStart).parse(this.#reader);
    if (entry.marker) return withoutMessages(entry, 0, null);
    const isChunk = entry.chunks > 1;
    const defect = metadataDefect(entry) ?? (isChunk ? null : countDefect(entry));
    if (isChunk || defect !== null) {
      const payload = Buffer.from(bytes.subarray(payloadStart, end));
      detach(entry, bytes.subarray(metadataStart, payloadStart));
      if (defect !== null) return defectiveEntry(entry, position, defect, payload);
      return withoutMessages(entry, payload.length, payload);
    }
    if (isLarge(entry, end - payloadStart) && !this.#largeMayBeRead()) return null;
    if (entry.encrypted || entry.compression !== Compression.NONE) {
      const metadata = bytes.subarray(metadataStart, payloadStart);
      const unpacked = this.#unpacker.unpack(entry, metadata, bytes.subarray(payloadStart, end), position, ackSet);
      if (unpacked !== null) return unpacked;
    }
    return this.#asReceived(entry, payloadStart, end, owned, position, ackSet);
  }

  /** An entry whose messages lie in the bytes that came: in its frame, where that is owned, or in a copy. */
  #asReceived(
    entry: WireEntry,
    payloadStart: number,
    end: number,
    owned: boolean,
    position: EntryPosition,
    ackSet: AckSet | null,
  ): DecodedEntry {
    const memory = this.#memory;
    const metadataStart = entry.start;
    let own = entry.bytes;
    let size = own.length;
    let from = payloadStart;
    let to = end;
    if (!owned) {
      size = end - metadataStart;
      own = memory.copy(entry.bytes, metadataStart, end);
      from = payloadStart - metadataStart;
      to = size;
      entry.bytes = own;
      entry.start = 0;
      entry.end = from;
    }
    try {
      const permits = entry.batchSize;
      const parts = isParted(entry) ? new BatchCursor(entry, position, this.#reader, ackSet, own, from, to) : null;
      const messages = parts === null ? messagesOf(entry, position, this.#reader, ackSet, own, from, to) : [];
      const release = owned || memory.owns(size) ? () => memory.giveBack(own) : null;
      const retained = retainedBytes(size, messages.length);
      return { entry, messages, permits, retainedBytes: retained, chunk: null, release, parts };
    } catch (error) {
      return defectiveEntry(entry, position, corruption(error), Buffer.from(own.subarray(from, to)));
    }
  }
}

/** A marker, or a `chunk`. */
function withoutMessages(entry: WireEntry, bytes: number, chunk: Buffer | null): DecodedEntry {
  return { entry, messages: [], permits: entry.batchSize, retainedBytes: bytes, chunk, release: null, parts: null };
}
