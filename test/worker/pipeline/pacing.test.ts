import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hashKey } from "../../../worker/sink/hash-key.ts";
import { createRig, failure } from "./rig.ts";
import { halves, keys, lowSplit } from "./two-shards.ts";

/** Keys that hash into the lower and into the upper half. */
const low = keys.filter((key) => hashKey(key) < "8");
const high = keys.filter((key) => hashKey(key) >= "8");

/** 1 % of a shard's limits: 10 records per second. */
function slowRig(shards = halves) {
  return createRig({ ordered: false, rateLimit: 1, shards, budgetBytes: 1_000 });
}

describe("pacing", () => {
  test("sends a shard no more than its share, and holds up no other shard", async () => {
    const rig = slowRig();
    const orders = rig.assign();
    await rig.clock.advance(1);
    await rig.deliver(orders, ...low.slice(0, 30).map((key) => `${key}:1`));
    assert.equal(rig.sent().flat().length, 10);
    await rig.deliver(orders, `${high[0]}:1`);
    await rig.clock.advance(20);
    assert.ok(rig.sent().flat().includes(`${high[0]}:1`));
    await rig.clock.advance(480);
    for (const put of rig.puts) await put.accept();
    await rig.clock.advance(10);
    assert.ok(rig.sent().flat().length <= 17, `${rig.sent().flat().length} records within half a second`);
    await rig.clock.advance(3_000);
    for (const put of rig.puts) await put.accept();
    await rig.clock.advance(3_000);
    assert.equal(rig.sent().flat().length, 31);
  });

  test("serves the shards in turn, however much waits for one of them", async () => {
    const limits = { maxRecords: 10, maxBytes: 5_242_880, maxRecordBytes: 1_048_576 };
    const rig = createRig({ ordered: false, shards: halves, limits, maxConcurrentRequests: 1 });
    const orders = rig.assign();
    await rig.clock.advance(1);
    await rig.deliver(orders, ...low.map((key) => `${key}:1`), ...low.map((key) => `${key}:2`));
    await rig.deliver(orders, `${high[0]}:1`);
    await rig.last().accept();
    await rig.last().accept();
    assert.equal(rig.last().texts[0], `${high[0]}:1`);
  });

  test("sends a throttled shard less, aggregates that are sent again included", async () => {
    const rig = createRig({ ordered: false, aggregation: true, shards: halves, rateLimit: 1 });
    const orders = rig.assign();
    await rig.clock.advance(1);
    await rig.deliver(orders, ...low.slice(0, 2).map((key) => `${key}:1`));
    await rig.last().answer([{ accepted: false, failure: failure("throttled") }]);
    // Its bucket is empty now, and fills with 85 % of 10 records a second.
    await rig.clock.advance(90);
    assert.equal(rig.puts.length, 1);
    await rig.clock.advance(60);
    assert.equal(rig.puts.length, 2);
  });

  test("names the shard that holds up the rest", async () => {
    const rig = slowRig();
    await rig.clock.advance(1);
    await rig.deliver(rig.assign(), ...high.slice(0, 20).map((key) => `${key}:1`));
    assert.equal(rig.pipeline.state().slowestShard, "high");
  });

  test("names a throttled shard for a minute, also while all of its records rest and none waits", async () => {
    const rig = createRig({ ordered: true, shards: halves });
    const orders = rig.assign();
    await rig.clock.advance(6_000);
    await rig.deliver(orders, `${high[0]}:1`);
    assert.equal(rig.pipeline.state().slowestShard, null);
    await rig.last().answer([{ accepted: false, failure: failure("throttled") }]);
    assert.equal(rig.pipeline.state().slowestShard, "high");
    await rig.clock.advance(60_000);
    assert.equal(rig.pipeline.state().slowestShard, null);
  });

  test("does not pace, and works, when shards cannot be listed", async () => {
    const rig = createRig({ ordered: false, rateLimit: 1 });
    await rig.deliver(rig.assign(), ...low.slice(0, 30).map((key) => `${key}:1`));
    assert.equal(rig.sent().flat().length, 30);
    assert.equal(rig.pipeline.state().slowestShard, null);
  });

  test("lists the shards again when a record lands elsewhere, and moves what waits", async () => {
    const shards = [...halves];
    const rig = slowRig(shards);
    const orders = rig.assign();
    await rig.clock.advance(1);
    await rig.deliver(orders, ...low.slice(0, 20).map((key) => `${key}:1`));
    shards.splice(0, 1, ...lowSplit);
    await rig
      .last()
      .answer(
        rig.last().texts.map((_, index) => ({ accepted: true, shardId: "first", sequenceNumber: String(index) })),
      );
    for (let second = 0; second < 3; second += 1) {
      await rig.clock.advance(1_000);
      for (const put of rig.puts) await put.accept();
    }
    const texts = rig.sent().flat();
    assert.equal(texts.length, 20);
    assert.equal(new Set(texts).size, 20);
  });
});
