/** Shards that enforce their limits, under more than they take, in virtual time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RecordOutcome } from "../../../worker/sink/sink.ts";
import {
  append,
  createStream,
  SHARD_BYTES_PER_SECOND,
  SHARD_RECORDS_PER_SECOND,
  shardFor,
  takeFromBucket,
} from "../../fakes/kinesis-stream.ts";
import { assignment, message } from "./messages.ts";
import { createRig, failure, type Put } from "./rig.ts";

const SHARDS = 4;
const LATENCY_MS = 20;
const WARM_UP_MS = 10_000;
const SECONDS = 10;
const BATCH = 500;
const KEYS = 10_000;

interface Load {
  readonly ordered: boolean;
  readonly aggregation: boolean;
  readonly bytes: number;
}

/** The parts of the capacity that were used, and of the records that were throttled, after a warm-up. */
async function fill({ ordered, aggregation, bytes }: Load): Promise<{ filled: number; throttled: number }> {
  const stream = createStream("s", SHARDS);
  for (const shard of stream.shards) shard.bucket.at = 0;
  const shards = stream.shards.map(({ shardId, start, end }) => ({
    ...{ shardId, startingSequenceNumber: "", startingHashKey: start, endingHashKey: end },
    ...{ parents: [], open: true },
  }));
  const budgetBytes = 4 * 1024 * 1024;
  const rig = createRig({ ordered, aggregation, shards, budgetBytes, maxConcurrentRequests: 24, handoverWaitMs: 0 });
  const { clock, puts, pipeline, budget } = rig;
  const counts = { records: 0, throttled: 0, bytes: 0 };

  const execute = (put: Put): void => {
    const outcomes = put.records.map((record): RecordOutcome => {
      const { data, partitionKey, explicitHashKey } = record;
      const shard = shardFor(stream, partitionKey, explicitHashKey);
      counts.records += 1;
      const size = data.byteLength + Buffer.byteLength(partitionKey);
      if (!takeFromBucket(shard, size, clock.now())) {
        counts.throttled += 1;
        return { accepted: false, failure: failure("throttled") };
      }
      counts.bytes += size;
      const stored = { partitionKey, explicitHashKey, data: Buffer.from(data), arrivedAt: 0, order: 0, requestId: "" };
      return { accepted: true, shardId: shard.shardId, sequenceNumber: append(shard, stored, false) };
    });
    void put.answer(outcomes);
  };
  const serve = (): void => {
    for (const put of puts.splice(0)) clock.timer(LATENCY_MS, () => execute(put));
  };

  const orders = assignment("orders", {});
  Object.defineProperty(orders, "answeredAt", { get: () => clock.now() });
  pipeline.assigned(orders);
  await clock.advance(5);
  const text = "x".repeat(bytes);
  let next = 0;
  const feed = (): void => {
    while (budget.free > 0) {
      const messages = Array.from({ length: BATCH }, () => message(`key-${(next++ * 7919) % KEYS}`, text));
      const retainedBytes = BATCH * (bytes + 250);
      budget.shareOf(orders).take(retainedBytes);
      pipeline.deliver({ assignment: orders, messages, retainedBytes, redeliveryCount: 0 });
    }
  };
  const run = async (ms: number): Promise<void> => {
    for (const end = clock.now() + ms; clock.now() < end; ) {
      feed();
      await clock.advance(1);
      serve();
    }
  };
  await run(WARM_UP_MS);
  Object.assign(counts, { records: 0, throttled: 0, bytes: 0 });
  await run(SECONDS * 1000);
  pipeline.close();
  const accepted = counts.records - counts.throttled;
  const filled = Math.max(
    counts.bytes / (SHARDS * SHARD_BYTES_PER_SECOND * SECONDS),
    accepted / (SHARDS * SHARD_RECORDS_PER_SECOND * SECONDS),
  );
  return { filled, throttled: counts.throttled / counts.records };
}

describe("shards that enforce their limits are kept full, and few records are throttled", () => {
  for (const ordered of [true, false]) {
    for (const aggregation of [true, false]) {
      const name = `${ordered ? "ordered" : "unordered"}, ${aggregation ? "aggregates" : "a record a message"}`;
      test(name, async (t) => {
        const { filled, throttled } = await fill({ ordered, aggregation, bytes: 1_000 });
        t.diagnostic(`${(filled * 100).toFixed(1)} % filled, ${(throttled * 100).toFixed(2)} % throttled`);
        assert.ok(filled >= 0.97, `${filled} of the capacity`);
        assert.ok(throttled < 0.02, `${throttled} of the records`);
      });
    }
  }
});
