/**
 * CPU time of what aggregation costs per user record: hashing its key, finding its shard, building the aggregate.
 * `scripts/node test/bench/programs/aggregate.ts`
 */
import { aggregateRecord, createAggregateBuilder } from "../../../worker/sink/aggregate.ts";
import { hashKey } from "../../../worker/sink/hash-key.ts";
import { createShardMap } from "../../../worker/sink/shard-map.ts";
import type { KinesisRecord, Shard } from "../../../worker/sink/sink.ts";
import { print } from "../harness/table.ts";

const ROUNDS = 2_000;
const PER_AGGREGATE = 220;
const SHARDS = 64n;
const width = 2n ** 128n / SHARDS;

const shards: Shard[] = Array.from({ length: Number(SHARDS) }, (_, index) => ({
  shardId: `shardId-${index}`,
  startingSequenceNumber: "",
  startingHashKey: width * BigInt(index),
  endingHashKey: width * BigInt(index + 1) - 1n,
  parents: [],
  open: true,
}));
const map = createShardMap(shards);
const keys = Array.from({ length: PER_AGGREGATE }, (_, index) => `customer-${index * 7919}`);
const hashes = keys.map(hashKey);
const data = Buffer.alloc(200, 7);

function measure(name: string, work: () => void, per: number): void {
  for (let round = 0; round < ROUNDS / 10; round++) work();
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) work();
  const { user, system } = process.cpuUsage(before);
  print(`${name}: ${((user + system) / ROUNDS / per).toFixed(3)} µs CPU per user record`);
}

function build(keyOf: (index: number) => string): void {
  const builder = createAggregateBuilder();
  const records: KinesisRecord[] = [];
  for (let index = 0; index < PER_AGGREGATE; index++) {
    const key = keyOf(index);
    if (builder.sizeWith(key, data.length) > 1_048_576) throw new Error("too large");
    builder.add(key, data.length);
    records.push({ data, partitionKey: key });
  }
  if (aggregateRecord(builder, records).data.length < PER_AGGREGATE * data.length) throw new Error("too small");
}

measure("hash of a key", () => keys.forEach(hashKey), PER_AGGREGATE);
measure(`shard of a hash, ${SHARDS} shards`, () => hashes.forEach(map.shardOf), PER_AGGREGATE);
measure("aggregate of 200 B records, distinct keys", () => build((index) => keys[index] ?? ""), PER_AGGREGATE);
measure("aggregate of 200 B records, 16 keys", () => build((index) => keys[index % 16] ?? ""), PER_AGGREGATE);
