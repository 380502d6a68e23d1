import { crc32c } from "@node-rs/crc32";
import type { Decryptor } from "../encryption/decryptor.ts";
import { type Defect, SourceError } from "../source.ts";
import type { Chunk } from "./chunk.ts";
import { Compression, decompress } from "./compression.ts";
import { WireEntry } from "./entry.ts";
import type { EntryMemory } from "./entry-memory.ts";
import { type AckSet, batchMessages, type EntryPosition, singleMessage, type WireMessage } from "./message.ts";
import { MalformedError, ProtobufReader } from "./protobuf-reader.ts";

const BROKER_ENTRY_METADATA = 0x0e02;
const CHECKSUM = 0x0e01;

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

export interface EntryDecoder {
  /**
   * Decodes what follows the command of a MESSAGE frame. What cannot be read becomes one message with the raw bytes and
   * a defect. `owned` as in frame-splitter; nothing else of `bytes` is kept.
   * @throws SourceError when it cannot be told now what the entry holds (SecretMissing), and nothing else
   */
  decode(
    bytes: Buffer,
    start: number,
    end: number,
    owned: boolean,
    position: EntryPosition,
    ackSet: AckSet | null,
  ): DecodedEntry;
  /** What the broker counted the entry as, which it sent without looking at the checksum. Bytes as for `decode`. */
  permits(bytes: Buffer, start: number, end: number): number;
  /** The message that these chunks make up; or why they cannot be decrypted. @throws SourceError as `decode` */
  assembled(chunks: readonly Chunk[]): DecodedEntry | Defect;
  /** An entry that cannot be read: one message with the raw bytes. */
  defective(entry: WireEntry | null, position: EntryPosition, defect: Defect, raw: Buffer): DecodedEntry;
}

/** `maxUncompressedBytes` bounds what one entry may inflate to, and what chunks may add up to. */
export function createEntryDecoder(options: {
  readonly maxUncompressedBytes: number;
  /** Null: what is encrypted stays so. */
  readonly decryptor: Decryptor | null;
  /** The one that owned frames come from. */
  readonly memory: EntryMemory;
}): EntryDecoder {
  const { decryptor, memory } = options;
  const reader = new ProtobufReader();

  const defective: EntryDecoder["defective"] = (entry, position, defect, raw) => {
    const broken = entry ?? new WireEntry(raw, 0, 0);
    broken.defect = defect;
    return {
      entry: broken,
      messages: [singleMessage(broken, position, raw, 0, raw.length)],
      permits: permitsOf(broken),
      retainedBytes: retained(raw.length, 1) + (broken.bytes === raw ? 0 : broken.end - broken.start),
      chunk: null,
      release: null,
    };
  };

  /** The messages of an entry whose payload is uncompressed in `payload[start..end)`. */
  const messagesOf = (
    entry: WireEntry,
    position: EntryPosition,
    ackSet: AckSet | null,
    payload: Buffer,
    start: number,
    end: number,
  ): readonly WireMessage[] => {
    if (entry.batchSize < 0 || entry.encrypted) {
      return [singleMessage(entry, position, payload, start, end)];
    }
    return batchMessages(entry, position, reader, ackSet, { bytes: payload, start, end });
  };

  const inflate = (entry: WireEntry, payload: Buffer): Buffer => {
    if (entry.uncompressedSize > options.maxUncompressedBytes) {
      throw new MalformedError(
        `the payload claims ${entry.uncompressedSize} bytes uncompressed; at most ${options.maxUncompressedBytes} are read`,
      );
    }
    return decompress(entry.compression, payload, entry.uncompressedSize);
  };

  /** The plain payload; why there is none; null for an entry that is passed on as it is. */
  const decrypt = (entry: WireEntry, payload: Buffer): Buffer | Defect | null => {
    if (decryptor === null || !entry.encrypted) return null;
    const context = entry.encryption;
    if (context === null) return null;
    const opened = decryptor.decrypt(context, payload);
    if (Buffer.isBuffer(opened)) entry.encrypted = false;
    else if (decryptor.onFailure === "Consume") return null;
    return opened;
  };

  /** Of an entry whose metadata and decrypted `payload` need no longer be copied. @throws MalformedError */
  const unpacked = (
    entry: WireEntry,
    position: EntryPosition,
    ackSet: AckSet | null,
    payload: Buffer,
    permits: number,
  ): DecodedEntry => {
    const plain = entry.compression === Compression.NONE ? payload : inflate(entry, payload);
    const messages = messagesOf(entry, position, ackSet, plain, 0, plain.length);
    const size = plain.length + entry.end - entry.start;
    return { entry, messages, permits, retainedBytes: retained(size, messages.length), chunk: null, release: null };
  };

  /** An entry that is encrypted or compressed; null for one that is passed on as it came. */
  const unpack = (
    entry: WireEntry,
    metadata: Buffer,
    received: Buffer,
    position: EntryPosition,
    ackSet: AckSet | null,
  ): DecodedEntry | null => {
    const opened = decrypt(entry, received);
    if (opened === null && entry.encrypted) return null;
    detach(entry, metadata);
    if (opened !== null && !Buffer.isBuffer(opened)) return defective(entry, position, opened, Buffer.from(received));
    try {
      return unpacked(entry, position, ackSet, opened ?? received, permitsOf(entry));
    } catch (error) {
      // What is passed on as it came has its encryption, too.
      entry.encrypted = opened !== null;
      return defective(entry, position, corruption(error), Buffer.from(received));
    }
  };

  const decodeSound = (
    bytes: Buffer,
    start: number,
    end: number,
    owned: boolean,
    position: EntryPosition,
    ackSet: AckSet | null,
  ): DecodedEntry => {
    const metadataSize = metadataSizeAt(bytes, start, end, true);
    const metadataStart = metadataSize + 4;
    const payloadStart = metadataStart + bytes.readUInt32BE(metadataSize);
    if (payloadStart > end) throw new MalformedError("the metadata exceed the frame");
    const entry = new WireEntry(bytes, metadataStart, payloadStart).parse(reader);
    const permits = permitsOf(entry);
    if (entry.marker) return { entry, messages: [], permits, retainedBytes: 0, chunk: null, release: null };
    if (entry.chunks > 1) {
      const payload = Buffer.from(bytes.subarray(payloadStart, end));
      detach(entry, bytes.subarray(metadataStart, payloadStart));
      return { entry, messages: [], permits: 1, retainedBytes: payload.length, chunk: payload, release: null };
    }
    if (entry.encrypted || entry.compression !== Compression.NONE) {
      const whole = unpack(
        entry,
        bytes.subarray(metadataStart, payloadStart),
        bytes.subarray(payloadStart, end),
        position,
        ackSet,
      );
      if (whole !== null) return whole;
    }
    let kept = bytes;
    let size = bytes.length;
    let from = payloadStart;
    let to = end;
    if (!owned) {
      size = end - metadataStart;
      kept = memory.copy(bytes, metadataStart, end);
      from = payloadStart - metadataStart;
      to = size;
      entry.bytes = kept;
      entry.start = 0;
      entry.end = from;
    }
    try {
      const messages = messagesOf(entry, position, ackSet, kept, from, to);
      const release = owned || memory.owns(size) ? () => memory.giveBack(kept) : null;
      return { entry, messages, permits, retainedBytes: retained(size, messages.length), chunk: null, release };
    } catch (error) {
      return defective(entry, position, corruption(error), Buffer.from(kept.subarray(from, to)));
    }
  };

  const permits: EntryDecoder["permits"] = (bytes, start, end) => {
    try {
      const metadataSize = metadataSizeAt(bytes, start, end, false);
      const metadataStart = metadataSize + 4;
      const metadataEnd = metadataStart + bytes.readUInt32BE(metadataSize);
      const entry = new WireEntry(bytes, metadataStart, metadataEnd).parse(reader);
      // It is required: without it nothing else is to be trusted.
      return entry.publishTime === 0 ? 1 : permitsOf(entry);
    } catch {
      return 1;
    }
  };

  return {
    decode(bytes, start, end, owned, position, ackSet) {
      try {
        return decodeSound(bytes, start, end, owned, position, ackSet);
      } catch (error) {
        if (error instanceof SourceError) throw error;
        const raw = defective(null, position, corruption(error), Buffer.from(bytes.subarray(start, end)));
        return { ...raw, permits: permits(bytes, start, end) };
      }
    },
    permits,
    assembled(chunks) {
      const parts: Buffer[] = [];
      for (const { entry, payload } of chunks) {
        const part = entry.encrypted ? openChunk(entry, payload, decryptor) : payload;
        if (!Buffer.isBuffer(part)) return part;
        parts.push(part);
      }
      const last = chunks.at(-1);
      if (last === undefined) throw new TypeError("a message of no chunks");
      const { entry, position } = last;
      const payload = Buffer.concat(parts);
      const { encrypted } = entry;
      entry.encrypted = false;
      try {
        return unpacked(entry, position, null, payload, 0);
      } catch (error) {
        entry.encrypted = encrypted;
        return defective(entry, position, corruption(error), Buffer.concat(chunks.map((chunk) => chunk.payload)));
      }
    },
    defective,
  };
}

/** Where the size of the metadata is, past the checksum, which is checked if wanted. @throws MalformedError */
function metadataSizeAt(bytes: Buffer, start: number, end: number, check: boolean): number {
  let position = start;
  if (end - position >= 6 && bytes.readUInt16BE(position) === BROKER_ENTRY_METADATA) {
    position += 6 + bytes.readUInt32BE(position + 2);
  }
  if (end - position >= 6 && bytes.readUInt16BE(position) === CHECKSUM) {
    const expected = bytes.readUInt32BE(position + 2);
    position += 6;
    if (check && crc32c(bytes.subarray(position, end)) !== expected)
      throw new MalformedError("the checksum does not match");
  }
  if (end - position < 4) throw new MalformedError("the entry has no metadata");
  return position;
}

/** Lets go of the frame's memory. */
function detach(entry: WireEntry, metadata: Buffer): void {
  entry.bytes = Buffer.from(metadata);
  entry.start = 0;
  entry.end = metadata.length;
}

function permitsOf(entry: WireEntry): number {
  return Math.min(Math.max(entry.batchSize, 1), LARGEST_BATCH);
}

function retained(bytes: number, messages: number): number {
  return bytes + ENTRY_OVERHEAD + messages * MESSAGE_OVERHEAD;
}

/** Only malformed bytes are expected here; any other error is told with its name, since the bytes caused it. */
function corruption(error: unknown): Defect {
  if (error instanceof MalformedError) return { code: "CorruptEntry", message: error.message };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : "it cannot be decoded";
  return { code: "CorruptEntry", message };
}

function openChunk(entry: WireEntry, payload: Buffer, decryptor: Decryptor | null): Buffer | Defect {
  const whole = "a chunked message is encrypted chunk by chunk, and cannot be passed on as one";
  const context = entry.encryption;
  if (decryptor === null || context === null) {
    return { code: "EncryptionKeyMissing", message: `${whole}: give the worker the keys by spec.pulsar.encryption` };
  }
  const opened = decryptor.decrypt(context, payload);
  if (Buffer.isBuffer(opened) || decryptor.onFailure === "Fail") return opened;
  return { code: opened.code, message: `${opened.message}; ${whole}` };
}
