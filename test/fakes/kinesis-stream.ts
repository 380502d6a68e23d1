import { hash } from "node:crypto";

/** A record as it lies in a shard. */
export interface StoredRecord {
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly explicitHashKey: string | undefined;
  readonly data: Buffer;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
  /** Position among all records that the endpoint ever executed. */
  readonly order: number;
  /** The request that carried it. */
  readonly requestId: string;
}

export interface FakeShard {
  readonly shardId: string;
  readonly index: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly parents: readonly string[];
  /** In which it was created, since 1970. */
  readonly second: number;
  readonly startingSequenceNumber: string;
  endingSequenceNumber: string | undefined;
  readonly records: StoredRecord[];
  count: number;
  bytes: number;
  /** Of the limits below, the part that this shard has. */
  share: number;
  bucket: { bytes: number; records: number; at: number };
}

export interface FakeStream {
  readonly name: string;
  readonly arn: string;
  readonly shards: FakeShard[];
  /** Those that take records, by their hash ranges. */
  open: readonly FakeShard[];
  readonly createdAt: number;
  /** The second in which the next shard is created; each split or merge takes one. */
  second: number;
  status: "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";
  mode: "PROVISIONED" | "ON_DEMAND";
  maxRecordSizeInKiB: number;
  recordDistribution: "USER_PARTITION_KEY" | "AUTO";
  /** With AUTO: whose turn it is. */
  turn: number;
}

export const MAX_HASH = (1n << 128n) - 1n;

/** Per shard and second (Kinesis quotas). */
export const SHARD_BYTES_PER_SECOND = 1_048_576;
export const SHARD_RECORDS_PER_SECOND = 1_000;

/** @param createdAt epoch milliseconds */
export function createStream(name: string, shardCount: number, createdAt = Date.now()): FakeStream {
  const region = "us-east-1";
  const stream: FakeStream = {
    name,
    arn: `arn:aws:kinesis:${region}:000000000000:stream/${name}`,
    shards: [],
    open: [],
    createdAt,
    second: Math.floor(createdAt / 1000),
    status: "ACTIVE",
    mode: "PROVISIONED",
    maxRecordSizeInKiB: 1024,
    recordDistribution: "USER_PARTITION_KEY",
    turn: 0,
  };
  const width = (MAX_HASH + 1n) / BigInt(shardCount);
  for (let index = 0; index < shardCount; index++) {
    const end = index === shardCount - 1 ? MAX_HASH : width * BigInt(index + 1) - 1n;
    addShard(stream, width * BigInt(index), end, []);
  }
  listOpen(stream);
  return stream;
}

function listOpen(stream: FakeStream): void {
  stream.open = stream.shards.filter(isOpen).sort((a, b) => (a.start < b.start ? -1 : 1));
}

function addShard(stream: FakeStream, start: bigint, end: bigint, parents: readonly string[]): FakeShard {
  const index = stream.shards.length;
  const shard: FakeShard = {
    shardId: `shardId-${String(index).padStart(12, "0")}`,
    index,
    start,
    end,
    parents,
    second: stream.second,
    startingSequenceNumber: sequenceNumber(stream.second, index, 0),
    endingSequenceNumber: undefined,
    records: [],
    count: 0,
    bytes: 0,
    share: 1,
    bucket: { bytes: SHARD_BYTES_PER_SECOND, records: SHARD_RECORDS_PER_SECOND, at: 0 },
  };
  stream.shards.push(shard);
  return shard;
}

/**
 * 56 digits, with the second of the shard's creation where the service has it; grows within a shard, and from a shard to its
 * children.
 */
function sequenceNumber(second: number, shardIndex: number, count: number): string {
  return String((((2n << 36n) | BigInt(second)) << 148n) | (BigInt(count) << 36n) | BigInt(shardIndex << 4) | 2n);
}

export function isOpen(shard: FakeShard): boolean {
  return shard.endingSequenceNumber === undefined;
}

function close(shard: FakeShard): void {
  shard.endingSequenceNumber = sequenceNumber(shard.second, shard.index, shard.count + 1);
}

/** `at` becomes the first hash of the second child. */
export function splitShard(stream: FakeStream, shard: FakeShard, at: bigint): void {
  close(shard);
  stream.second += 1;
  addShard(stream, shard.start, at - 1n, [shard.shardId]);
  addShard(stream, at, shard.end, [shard.shardId]);
  listOpen(stream);
}

export function mergeShards(stream: FakeStream, shard: FakeShard, adjacent: FakeShard): void {
  close(shard);
  close(adjacent);
  stream.second += 1;
  const [first, second] = shard.start < adjacent.start ? [shard, adjacent] : [adjacent, shard];
  addShard(stream, first.start, second.end, [shard.shardId, adjacent.shardId]);
  listOpen(stream);
}

export function hashOf(partitionKey: string): bigint {
  return BigInt(`0x${hash("md5", partitionKey)}`);
}

export function shardFor(stream: FakeStream, partitionKey: string, explicitHashKey: string | undefined): FakeShard {
  const { open } = stream;
  if (stream.recordDistribution === "AUTO") {
    stream.turn += 1;
    const shard = open[stream.turn % open.length];
    if (shard !== undefined) return shard;
  }
  const hashKey = explicitHashKey === undefined ? hashOf(partitionKey) : BigInt(explicitHashKey);
  // The open shards cover every hash: the one sought is the last that starts at or below it.
  let [low, high] = [0, open.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((open[middle]?.start ?? 0n) <= hashKey) low = middle;
    else high = middle - 1;
  }
  const shard = open[low];
  if (shard === undefined) throw new Error(`no open shard for hash ${hashKey}`);
  return shard;
}

/** True when the shard's limits let the record pass now; a full bucket passes any record. */
export function takeFromBucket(shard: FakeShard, bytes: number, now: number): boolean {
  const { bucket } = shard;
  const seconds = Math.max(0, now - bucket.at) / 1000;
  const [maxBytes, maxRecords] = [SHARD_BYTES_PER_SECOND * shard.share, SHARD_RECORDS_PER_SECOND * shard.share];
  bucket.bytes = Math.min(maxBytes, bucket.bytes + seconds * maxBytes);
  bucket.records = Math.min(maxRecords, bucket.records + seconds * maxRecords);
  bucket.at = now;
  if (bucket.records < 1 || bucket.bytes < Math.min(bytes, maxBytes)) return false;
  bucket.records -= 1;
  bucket.bytes -= bytes;
  return true;
}

/** Appends; returns the sequence number. `keep` false counts only. */
export function append(shard: FakeShard, record: Omit<StoredRecord, "sequenceNumber">, keep: boolean): string {
  shard.count += 1;
  shard.bytes += record.data.length;
  const number = sequenceNumber(shard.second, shard.index, shard.count);
  if (keep) shard.records.push({ ...record, sequenceNumber: number });
  return number;
}
