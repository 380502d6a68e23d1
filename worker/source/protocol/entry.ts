import { hash } from "node:crypto";
import type { CompressionType, Defect, EncryptionContext, EncryptionKey, Entry } from "../source.ts";
import { MalformedError, ProtobufReader } from "./protobuf-reader.ts";

const COMPRESSION_TYPES: readonly CompressionType[] = ["NONE", "LZ4", "ZLIB", "ZSTD", "SNAPPY"];

/** Field numbers of MessageMetadata, as in PulsarApi.proto. */
const PRODUCER_NAME = 1;
const PUBLISH_TIME = 3;
export const PROPERTIES = 4;
const PARTITION_KEY = 6;
const COMPRESSION = 8;
const UNCOMPRESSED_SIZE = 9;
const NUM_MESSAGES_IN_BATCH = 11;
const EVENT_TIME = 12;
const ENCRYPTION_KEYS = 13;
const ENCRYPTION_ALGO = 14;
const ENCRYPTION_PARAM = 15;
const SCHEMA_VERSION = 16;
const PARTITION_KEY_B64 = 17;
export const ORDERING_KEY = 18;
const MARKER_TYPE = 20;
const NULL_VALUE = 25;
const UUID = 26;
const NUM_CHUNKS = 27;
const TOTAL_CHUNK_SIZE = 28;
const CHUNK_ID = 29;
const NULL_PARTITION_KEY = 30;

/** An empty key is an object, too. */
const ENCRYPTION_KEY_BYTES = 32;

/** Of what is remembered of entries that are gone, bytes: those of official clients are some dozens. */
const LONGEST_NAME = 1_024;

/** The metadata of one entry. Numbers are read at once; texts and bytes are only located, and decoded when asked for. */
export class WireEntry implements Entry {
  /** What keeps the metadata; replaced by a copy when the frame's own memory is not kept. */
  bytes: Buffer;
  start: number;
  end: number;
  defect: Defect | null = null;
  publishTime = 0;
  /** The number of {@link CompressionType}; larger numbers are unknown. */
  compression = 0;
  uncompressedSize = 0;
  isBatch = false;
  /** As the metadata say, whether it can be or not; 1 for an entry that is not a batch. */
  batchSize = 1;
  marker = false;
  encrypted = false;
  eventTime: number | bigint = 0;
  /** How many the message has, of an entry that is not a batch. */
  properties = 0;
  /** Of the encrypted data keys, with their names, metadata and something for the objects of each. */
  encryptionBytes = 0;
  hasOrderingKey = false;
  isNull = false;
  keyIsBase64 = false;
  /** Relative to `start`; -1 when there is none. */
  keyStart = -1;
  keyEnd = 0;
  chunks = 0;
  chunkId = 0;
  totalChunkSize = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** Reads the metadata. @throws MalformedError */
  parse(reader: ProtobufReader): this {
    reader.over(this.bytes, this.start, this.end);
    let nullKey = false;
    while (reader.position < reader.end) {
      const tag = reader.varint();
      const field = tag >>> 3;
      if ((tag & 7) === 0) {
        if (field === PUBLISH_TIME) this.publishTime = reader.varint();
        else if (field === NULL_PARTITION_KEY) nullKey = reader.int32() !== 0;
        else this.#number(field, reader);
      } else if ((tag & 7) === 2) {
        const length = reader.length();
        if (field === PARTITION_KEY) {
          this.keyStart = reader.position - this.start;
          this.keyEnd = this.keyStart + length;
        } else if (field === PROPERTIES) this.properties += 1;
        else if (field === ENCRYPTION_KEYS) {
          this.encrypted = true;
          this.encryptionBytes += length + ENCRYPTION_KEY_BYTES;
        } else if (field === ORDERING_KEY) this.hasOrderingKey = true;
        reader.position += length;
      } else reader.skip(tag & 7);
    }
    if (nullKey) this.keyStart = -1;
    return this;
  }

  #number(field: number, reader: ProtobufReader): void {
    if (field === COMPRESSION) this.compression = reader.int32();
    else if (field === UNCOMPRESSED_SIZE) this.uncompressedSize = reader.varint();
    else if (field === NUM_MESSAGES_IN_BATCH) {
      this.isBatch = true;
      this.batchSize = reader.int32();
    } else if (field === EVENT_TIME) this.eventTime = reader.uint64();
    else if (field === PARTITION_KEY_B64) this.keyIsBase64 = reader.int32() !== 0;
    else if (field === NULL_VALUE) this.isNull = reader.int32() !== 0;
    else if (field === MARKER_TYPE) {
      this.marker = true;
      reader.varint();
    } else if (field === NUM_CHUNKS) this.chunks = reader.int32();
    else if (field === TOTAL_CHUNK_SIZE) this.totalChunkSize = reader.int32();
    else if (field === CHUNK_ID) this.chunkId = reader.int32();
    else reader.varint();
  }

  /** Its beginning, where it is longer than a name is. */
  get producerName(): string {
    const found = this.#find(PRODUCER_NAME);
    if (found === null) return "";
    return found.bytes.toString("utf8", found.position, Math.min(found.end, found.position + LONGEST_NAME));
  }

  get schemaVersion(): Uint8Array | null {
    const found = this.#find(SCHEMA_VERSION);
    return found === null ? null : found.bytes.subarray(found.position, found.end);
  }

  /** What the chunks of one message share, or a digest of it where it is long; null for an entry that is no chunk. */
  get uuid(): string | null {
    const found = this.#find(UUID);
    if (found === null) return null;
    const { bytes, position, end } = found;
    if (end - position > LONGEST_NAME) return hash("sha256", bytes.subarray(position, end), "hex");
    return bytes.toString("utf8", position, end);
  }

  get encryption(): EncryptionContext | null {
    if (!this.encrypted) return null;
    const keys: EncryptionKey[] = [];
    let algorithm: string | null = null;
    let param: Uint8Array = Buffer.alloc(0);
    const reader = new ProtobufReader().over(this.bytes, this.start, this.end);
    while (reader.position < reader.end) {
      const tag = reader.varint();
      if (tag === ENCRYPTION_KEYS * 8 + 2) keys.push(readEncryptionKey(reader));
      else if (tag === ENCRYPTION_ALGO * 8 + 2) algorithm = reader.string();
      else if (tag === ENCRYPTION_PARAM * 8 + 2) param = reader.copy();
      else reader.skip(tag & 7);
    }
    return {
      keys,
      param,
      algorithm,
      compressionType: COMPRESSION_TYPES[this.compression] ?? null,
      uncompressedMessageSize: this.uncompressedSize,
      batchSize: this.isBatch ? this.batchSize : null,
    };
  }

  /** A reader over the last length-delimited field of that number, without its length. */
  #find(field: number): ProtobufReader | null {
    return findField(this.bytes, this.start, this.end, field);
  }
}

/** A reader over the content of the last length-delimited field `field` of a message; null when there is none. */
export function findField(bytes: Buffer, start: number, end: number, field: number): ProtobufReader | null {
  const reader = new ProtobufReader().over(bytes, start, end);
  let from = -1;
  let to = 0;
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag !== field * 8 + 2) {
      reader.skip(tag & 7);
      continue;
    }
    const length = reader.length();
    from = reader.position;
    to = from + length;
    reader.position = to;
  }
  return from < 0 ? null : reader.over(bytes, from, to);
}

/** Reads one KeyValue into `properties`. */
export function readProperty(reader: ProtobufReader, properties: Map<string, string>): void {
  let name = "";
  let value = "";
  readNested(reader, (tag) => {
    if (tag === 10) name = reader.string();
    else if (tag === 18) value = reader.string();
    else reader.skip(tag & 7);
  });
  properties.set(name, value);
}

function readEncryptionKey(reader: ProtobufReader): EncryptionKey {
  let name = "";
  let key: Uint8Array = Buffer.alloc(0);
  const metadata = new Map<string, string>();
  readNested(reader, (tag) => {
    if (tag === 10) name = reader.string();
    else if (tag === 18) key = reader.copy();
    else if (tag === 26) readProperty(reader, metadata);
    else reader.skip(tag & 7);
  });
  return { name, key, metadata };
}

/**
 * Reads the fields of a nested message. Its frame was checked when the entry was parsed, its content was not: a producer
 * that writes nonsense there, under a sound checksum, has the rest of it left out.
 */
function readNested(reader: ProtobufReader, field: (tag: number) => void): void {
  const end = reader.length() + reader.position;
  try {
    while (reader.position < end) field(reader.varint());
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
  }
  reader.position = end;
}
