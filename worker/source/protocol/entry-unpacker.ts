import type { Decryptor } from "../encryption/decryptor.ts";
import type { Defect } from "../source.ts";
import { BatchCursor } from "./batch-cursor.ts";
import type { Chunk } from "./chunk.ts";
import { Compression, decompress } from "./compression.ts";
import { corruption, type DecodedEntry, defectiveEntry, isParted, retainedBytes } from "./decoded-entry.ts";
import type { WireEntry } from "./entry.ts";
import { type AckSet, type EntryPosition, messagesOf } from "./message.ts";
import { MalformedError, ProtobufReader } from "./protobuf-reader.ts";

/** Decrypts and decompresses, so that nothing of the frame is retained. */
export class EntryUnpacker {
  readonly #decryptor: Decryptor | null;
  readonly #maxUncompressedBytes: number;
  readonly #reader = new ProtobufReader();

  /**
   * @param decryptor null: what is encrypted stays so
   * @param maxUncompressedBytes bounds what one entry may inflate to
   */
  constructor(decryptor: Decryptor | null, maxUncompressedBytes: number) {
    this.#decryptor = decryptor;
    this.#maxUncompressedBytes = maxUncompressedBytes;
  }

  /** An entry that is encrypted or compressed; null for one that is passed on as it came. @throws SourceError */
  unpack(
    entry: WireEntry,
    metadata: Buffer,
    received: Buffer,
    position: EntryPosition,
    ackSet: AckSet | null,
  ): DecodedEntry | null {
    const opened = this.#decrypt(entry, received);
    if (opened === null && entry.encrypted) return null;
    detach(entry, metadata);
    if (opened !== null && !Buffer.isBuffer(opened)) {
      return defectiveEntry(entry, position, opened, Buffer.from(received));
    }
    try {
      return this.#decompressed(entry, position, ackSet, opened ?? received, entry.batchSize);
    } catch (error) {
      // What is passed on as it came has its encryption, too.
      entry.encrypted = opened !== null;
      return defectiveEntry(entry, position, corruption(error), Buffer.from(received));
    }
  }

  /** The message that these chunks make up; or why they cannot be decrypted. @throws SourceError */
  assemble(chunks: readonly Chunk[]): DecodedEntry | Defect {
    const parts: Buffer[] = [];
    for (const { entry, payload } of chunks) {
      const part = entry.encrypted ? openChunk(entry, payload, this.#decryptor) : payload;
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
      if (isParted(entry)) throw new MalformedError(`a chunked message holds a batch of ${entry.batchSize} messages`);
      return this.#decompressed(entry, position, null, payload, 0);
    } catch (error) {
      entry.encrypted = encrypted;
      return defectiveEntry(entry, position, corruption(error), Buffer.concat(chunks.map((chunk) => chunk.payload)));
    }
  }

  /** The plain payload; why there is none; null for an entry that is passed on as it is. */
  #decrypt(entry: WireEntry, payload: Buffer): Buffer | Defect | null {
    const decryptor = this.#decryptor;
    if (decryptor === null || !entry.encrypted) return null;
    const context = entry.encryption;
    if (context === null) return null;
    const opened = decryptor.decrypt(context, payload);
    if (Buffer.isBuffer(opened)) entry.encrypted = false;
    else if (decryptor.onFailure === "Consume") return null;
    return opened;
  }

  /** Of an entry whose metadata and decrypted `payload` need no longer be copied. @throws MalformedError */
  #decompressed(
    entry: WireEntry,
    position: EntryPosition,
    ackSet: AckSet | null,
    payload: Buffer,
    permits: number,
  ): DecodedEntry {
    const plain = entry.compression === Compression.NONE ? payload : this.#inflate(entry, payload);
    const reader = this.#reader;
    const to = plain.length;
    const parts = isParted(entry) ? new BatchCursor(entry, position, reader, ackSet, plain, 0, to) : null;
    const messages = parts === null ? messagesOf(entry, position, reader, ackSet, plain, 0, to) : [];
    const size = retainedBytes(to + entry.end - entry.start, messages.length);
    return { entry, messages, permits, retainedBytes: size, chunk: null, release: null, parts };
  }

  #inflate(entry: WireEntry, payload: Buffer): Buffer {
    if (entry.uncompressedSize > this.#maxUncompressedBytes) {
      throw new MalformedError(
        `the payload claims ${entry.uncompressedSize} bytes uncompressed; at most ${this.#maxUncompressedBytes} are read`,
      );
    }
    return decompress(entry.compression, payload, entry.uncompressedSize);
  }
}

/** Lets go of the frame's memory. */
export function detach(entry: WireEntry, metadata: Buffer): void {
  entry.bytes = Buffer.from(metadata);
  entry.start = 0;
  entry.end = metadata.length;
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
