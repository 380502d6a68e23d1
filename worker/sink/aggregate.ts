import { hash } from "node:crypto";
import { hashKey, toDecimal } from "./hash-key.ts";
import type { KinesisRecord, MadeData } from "./sink.ts";

/**
 * Collects user records for one Kinesis record in the KPL's aggregation format: bytes F3 89 9A C2, a protobuf
 * AggregatedRecord, its MD5 (https://github.com/awslabs/amazon-kinesis-producer, aggregation-format.md).
 * Knows keys and sizes; the data is looked at when the aggregate is written.
 */
export interface AggregateBuilder {
  /** User records so far. */
  readonly count: number;
  /** Bytes of the aggregate so far. */
  readonly size: number;
  /** Bytes of the aggregate if this record were added too. */
  sizeWith(partitionKey: string, dataBytes: number): number;
  add(partitionKey: string, dataBytes: number): void;
  /** Writes the aggregate to the beginning of `target`, of the records in the order in which they were added. */
  write(records: readonly HasData[], target: Buffer): void;
}

interface HasData {
  readonly data: Uint8Array;
}

/** True when a consumer may take the data for an aggregate, and unpack what is in it. */
export function looksAggregated(data: Uint8Array): boolean {
  for (let at = 0; at < MAGIC_BYTES; at++) if (data[at] !== MAGIC[at]) return false;
  return true;
}

/** The least that a consumer unpacks. */
export const LEAST_AGGREGATE_BYTES = 20;

/** KCL takes the sub-records' keys; the aggregate's own is the KPL's, and its hash key says where it goes. */
const AGGREGATE_KEY = "a";
const MAGIC = [0xf3, 0x89, 0x9a, 0xc2] as const;
const MAGIC_BYTES = MAGIC.length;
const MD5_BYTES = 16;

/** Protobuf tags: field number << 3 | wire type. */
const TAG_KEY = 0x0a;
const TAG_RECORD = 0x1a;
const TAG_KEY_INDEX = 0x08;
const TAG_DATA = 0x1a;

export function createAggregateBuilder(): AggregateBuilder {
  return new KplAggregateBuilder();
}

class KplAggregateBuilder implements AggregateBuilder {
  /** Keys and their place in the table. */
  readonly #keys = new Map<string, number>();
  readonly #keyBytes: number[] = [];
  /** Of each record: its key's place in the table. */
  readonly #indices: number[] = [];
  #size = MAGIC_BYTES + MD5_BYTES;
  /** The key that was found last: asked for twice per record, by `sizeWith` and `add`, and again and again. */
  #lastKey: string | null = null;
  #lastIndex = 0;
  #lastBytes = 0;

  get count(): number {
    return this.#indices.length;
  }

  get size(): number {
    return this.#size;
  }

  sizeWith(partitionKey: string, dataBytes: number): number {
    this.#find(partitionKey);
    return this.#size + this.#growth(dataBytes);
  }

  add(partitionKey: string, dataBytes: number): void {
    this.#find(partitionKey);
    this.#size += this.#growth(dataBytes);
    if (this.#lastIndex === this.#keys.size) {
      this.#keys.set(partitionKey, this.#lastIndex);
      this.#keyBytes.push(this.#lastBytes);
    }
    this.#indices.push(this.#lastIndex);
  }

  write(records: readonly HasData[], target: Buffer): void {
    write(target, this.#keys.keys(), this.#keyBytes, this.#indices, records);
  }

  #find(key: string): void {
    if (this.#lastKey === key) return;
    const index = this.#keys.get(key);
    this.#lastKey = key;
    this.#lastIndex = index ?? this.#keys.size;
    this.#lastBytes = index === undefined ? Buffer.byteLength(key) : 0;
  }

  /** Of the key that was found last. One that is not in the table yet costs its own bytes too. */
  #growth(dataBytes: number): number {
    const isNew = this.#lastIndex === this.#keys.size;
    const keyBytes = isNew ? 1 + varintBytes(this.#lastBytes) + this.#lastBytes : 0;
    return keyBytes + recordBytes(this.#lastIndex, dataBytes);
  }
}

function write(
  out: Buffer,
  keys: Iterable<string>,
  keyBytes: readonly number[],
  indices: readonly number[],
  records: readonly HasData[],
): void {
  out.set(MAGIC, 0);
  let at: number = MAGIC_BYTES;
  let keyIndex = 0;
  for (const key of keys) {
    out[at++] = TAG_KEY;
    at = writeVarint(out, keyBytes[keyIndex++] as number, at);
    at += out.write(key, at, "utf8");
  }
  for (let position = 0; position < indices.length; position++) {
    const bytes = (records[position] as HasData).data;
    const index = indices[position] as number;
    out[at++] = TAG_RECORD;
    at = writeVarint(out, innerBytes(index, bytes.length), at);
    out[at++] = TAG_KEY_INDEX;
    at = writeVarint(out, index, at);
    out[at++] = TAG_DATA;
    at = writeVarint(out, bytes.length, at);
    out.set(bytes, at);
    at += bytes.length;
  }
  out.set(hash("md5", out.subarray(MAGIC_BYTES, at), "buffer"), at);
}

function innerBytes(keyIndex: number, dataBytes: number): number {
  return 2 + varintBytes(keyIndex) + varintBytes(dataBytes) + dataBytes;
}

function recordBytes(keyIndex: number, dataBytes: number): number {
  const inner = innerBytes(keyIndex, dataBytes);
  return 1 + varintBytes(inner) + inner;
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

function writeVarint(out: Buffer, value: number, at: number): number {
  let rest = value;
  let position = at;
  while (rest >= 0x80) {
    out[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[position++] = rest;
  return position;
}

/**
 * An aggregate as a Kinesis record that lands where the first of its sub-records belongs. Its data is written when asked
 * for. `records` are those that were added, in the same order.
 */
export function aggregateRecord(builder: AggregateBuilder, records: readonly KinesisRecord[]) {
  const made: MadeData = { size: builder.size, write: (target) => builder.write(records, target) };
  return {
    made,
    get data() {
      const data = Buffer.allocUnsafeSlow(made.size);
      made.write(data);
      return data;
    },
    partitionKey: AGGREGATE_KEY,
    explicitHashKey: toDecimal(hashKey(records[0]?.partitionKey ?? "")),
  } satisfies KinesisRecord;
}
