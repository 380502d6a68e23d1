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
  /** Keys and their place in the table. */
  const keys = new Map<string, number>();
  const keyBytes: number[] = [];
  const indices: number[] = [];
  let size = MAGIC_BYTES + MD5_BYTES;

  let lastKey: string | null = null;
  let lastIndex = 0;
  let lastBytes = 0;
  /** Asked for twice per record, by `sizeWith` and `add`, and for the same key again and again. */
  const find = (key: string): void => {
    if (lastKey === key) return;
    const index = keys.get(key);
    lastKey = key;
    lastIndex = index ?? keys.size;
    lastBytes = index === undefined ? Buffer.byteLength(key) : 0;
  };
  /** Of the key that was found last. One that is not in the table yet costs its own bytes too. */
  const growth = (dataBytes: number): number =>
    (lastIndex < keys.size ? 0 : 1 + varintBytes(lastBytes) + lastBytes) + recordBytes(lastIndex, dataBytes);

  return {
    get count() {
      return indices.length;
    },
    get size() {
      return size;
    },
    sizeWith(partitionKey, dataBytes) {
      find(partitionKey);
      return size + growth(dataBytes);
    },
    add(partitionKey, dataBytes) {
      find(partitionKey);
      size += growth(dataBytes);
      if (lastIndex === keys.size) {
        keys.set(partitionKey, lastIndex);
        keyBytes.push(lastBytes);
      }
      indices.push(lastIndex);
    },
    write: (records, target) => write(target, keys.keys(), keyBytes, indices, records),
  };
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
