import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hashKey } from "../../../worker/sink/hash-key.ts";
import { createRig, failure } from "./rig.ts";
import { a, b, c, d, e, h, halves, i, keys, landed, lowSplit, MIDDLE, rigWith } from "./two-shards.ts";

for (const ordered of [true, false]) {
  describe(`aggregation, ${ordered ? "ordered" : "unordered"}`, () => {
    test("packs what waits for one shard into one record, and sends a record that finds no other as it is", async () => {
      const { rig, orders } = await rigWith({ ordered });
      await rig.deliver(orders, `${a}:1`, `${b}:1`, `${h}:1`);
      assert.deepEqual(rig.sent(), [[`${a}:1 ${b}:1`, `${h}:1`]]);
      const [aggregate, lone] = rig.last().records;
      assert.equal(aggregate?.partitionKey, "a");
      assert.equal(aggregate?.explicitHashKey, String(BigInt(`0x${hashKey(a)}`)));
      assert.equal(lone?.partitionKey, h);
      await rig.last().answer([landed("low", "1"), landed("high", "2")]);
      const { records, delivered, pending } = rig.pipeline.state();
      assert.deepEqual({ records, delivered, pending }, { records: 2, delivered: 3, pending: 0 });
    });

    test("fills the next aggregate of a shard while one is in flight", async () => {
      const { rig, orders } = await rigWith({ ordered });
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      await rig.deliver(orders, `${c}:1`);
      await rig.deliver(orders, `${d}:1`, `${a}:2`);
      await rig.clock.advance(100);
      assert.equal(rig.puts.length, 1);
      await rig.last().answer([landed("low", "1")]);
      assert.deepEqual(rig.last().texts.length, 1);
      assert.deepEqual(rig.last().texts[0]?.split(" ").sort(), [`${a}:2`, `${c}:1`, `${d}:1`].sort());
    });

    test("copies no more than is pending, however much is on its way", async () => {
      const { rig, orders } = await rigWith({ ordered, maxConcurrentRequests: 24 });
      const text = "x".repeat(200);
      for (let entry = 0; entry < 20; entry += 1) {
        const texts = Array.from({ length: 100 }, (_, index) => `${keys[index % 100]}:${entry}${text}`);
        await rig.deliverSized(orders, 100 * 320, texts);
      }
      let copied = 0;
      for (const { records } of rig.puts) for (const { data } of records) copied += data.byteLength;
      assert.ok(copied > 20_000, `${copied} bytes on their way`);
      assert.ok(copied < rig.pipeline.state().pendingBytes, `${copied} bytes copied`);
    });

    test("keeps to the limits of record and request", async () => {
      const limits = { maxRecords: 500, maxBytes: 150, maxRecordBytes: 80 };
      const { rig, orders } = await rigWith({ ordered, limits });
      await rig.deliver(orders, ...Array.from({ length: 30 }, (_, index) => `${index % 2 === 0 ? a : h}:${index}`));
      for (let at = 0; at < rig.puts.length; at += 1) {
        const { records } = rig.puts[at] as (typeof rig.puts)[number];
        const sizes = records.map(({ data, partitionKey }) => data.byteLength + partitionKey.length);
        assert.ok(sizes.every((size) => size <= 80) && sizes.reduce((sum, size) => sum + size, 0) <= 150);
        await rig.puts[at]?.answer(
          records.map(({ explicitHashKey: hash, partitionKey }) =>
            landed(
              (hash === undefined ? hashKey(partitionKey) < "8" : BigInt(hash) < MIDDLE) ? "low" : "high",
              String(100 + at),
            ),
          ),
        );
        await rig.clock.advance(10);
      }
      assert.equal(rig.pipeline.state().delivered, 30);
    });

    test("sends a failed aggregate again with the same bytes", async () => {
      const { rig, orders } = await rigWith({ ordered });
      await rig.deliver(orders, `${a}:1`, `${b}:1`, `${a}:2`);
      const [first] = rig.last().records;
      await rig.last().answer([{ accepted: false, failure: failure("throttled") }]);
      await rig.clock.advance(1_000);
      assert.equal(rig.puts.length, 2);
      assert.deepEqual(rig.last().records, [first]);
      assert.equal(rig.pipeline.state().retries, 3);
    });

    test("sends an aggregate again that a consumer would drop, packed by the shards of now", async () => {
      const shards = [...halves];
      const { rig, orders } = await rigWith({ ordered, shards });
      await rig.deliver(orders, `${a}:1`, `${e}:1`, `${a}:2`, `${e}:2`);
      shards.splice(0, 1, ...lowSplit);
      await rig.last().answer([landed("first", "10")]);
      assert.equal(rig.pipeline.state().delivered, 0);
      await rig.clock.advance(1_000);
      const texts = rig.last().texts.map((text) => (ordered ? text : text.split(" ").sort().join(" ")));
      assert.deepEqual(texts.sort(), [`${a}:1 ${a}:2`, `${e}:1 ${e}:2`].sort());
      await rig.last().answer(rig.last().texts.map((text) => landed(text.startsWith(a) ? "first" : "second", "20")));
      assert.deepEqual(rig.acknowledged.length, 1);
      assert.equal(rig.pipeline.state().retries, 4);
    });

    test("looks for a new shard at once, and packs nothing for the one that it replaces until shards are listed", async () => {
      const shards = [...halves];
      const { rig, orders } = await rigWith({ ordered, shards });
      // The last list is fresh.
      await rig.deliver(orders, `${i}:1`);
      await rig.last().answer([landed("low", "9")]);
      await rig.clock.advance(100);
      assert.equal(rig.lists(), 2);
      await rig.deliver(orders, `${a}:1`, `${e}:1`);
      const { promise, resolve } = Promise.withResolvers<void>();
      rig.listing = promise;
      shards.splice(0, 1, ...lowSplit);
      await rig.last().answer([landed("first", "10")]);
      await rig.deliver(orders, `${b}:1`, `${c}:1`, `${h}:1`);
      await rig.clock.advance(500);
      assert.equal(rig.lists(), 3);
      assert.deepEqual(rig.last().texts, [`${h}:1`]);
      resolve();
      await rig.clock.advance(100);
      const texts = rig.last().texts.map((text) => text.split(" ").sort().join(" "));
      assert.deepEqual(texts.sort(), [`${a}:1 ${b}:1 ${c}:1`, `${e}:1`].sort());
    });

    test("sends messages unaggregated once their aggregates landed in a wrong shard twice", async () => {
      const { rig, orders } = await rigWith({ ordered });
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      for (const attempt of [1, 2]) {
        assert.equal(rig.last().texts.length, 1);
        await rig.last().answer([landed("unknown", String(attempt))]);
        await rig.clock.advance(5_000);
      }
      assert.equal(rig.puts.length, 3);
      assert.deepEqual(rig.last().texts.toSorted(), [`${a}:1`, `${b}:1`]);
      await rig.last().answer([landed("unknown", "3"), landed("unknown", "4")]);
      assert.equal(rig.pipeline.state().delivered, 2);
    });

    test("sends single records while shards cannot be listed, for nobody could tell that an aggregate is dropped", async () => {
      const rig = createRig({ aggregation: true, ordered });
      const orders = rig.assign();
      await rig.clock.advance(6_000);
      await rig.deliver(orders, `${a}:1`, `${a}:2`, `${b}:1`);
      assert.deepEqual(rig.sent(), [ordered ? [`${a}:1`, `${b}:1`] : [`${a}:1`, `${a}:2`, `${b}:1`]]);
    });

    test("finds the poison within an aggregate, and delivers the rest", async () => {
      const { rig, orders } = await rigWith({ ordered, deadLetterTopic: "dead" });
      await rig.deliver(orders, `${a}:1`, `${b}:1`, `${c}:1`, `${h}:1`, `${i}:1`);
      for (let at = 0; at < rig.puts.length && at < 40; at += 1) {
        const put = rig.puts[at] as (typeof rig.puts)[number];
        if (put.texts.join(" ").includes(`${b}:1`)) await put.fail(failure("invalid"));
        else
          await put.answer(
            put.texts.map((text) => landed(hashKey(text.split(":")[0] ?? "") < "8" ? "low" : "high", String(100 + at))),
          );
        await rig.clock.advance(2_000);
      }
      assert.deepEqual(
        rig.letters.map(({ message }) => message.id),
        [`${b}:1`],
      );
      assert.equal(rig.pipeline.state().delivered, 4);
      assert.equal(rig.acknowledged.length, 1);
    });
  });
}

describe("aggregation, ordered", () => {
  test("leaves out what was withdrawn before the aggregate is sent again", async () => {
    const { rig, orders } = await rigWith();
    const others = rig.assign("others");
    await rig.clock.advance(6_000);
    await rig.deliver(orders, `${a}:1`);
    await rig.deliver(orders, `${b}:1`);
    await rig.deliver(others, `${c}:1`);
    await rig.last().answer([landed("low", "1")]);
    assert.deepEqual(rig.last().texts, [`${b}:1 ${c}:1`]);
    await rig.revoke(others);
    const { signal } = rig.last();
    await rig.clock.advance(4_000);
    assert.equal(signal.aborted, false);
    await rig.clock.advance(1);
    assert.equal(signal.aborted, true, "the lease of one of them is over");
    await rig.clock.advance(5_000);
    assert.deepEqual(rig.last().texts, [`${b}:1`]);
  });

  test("sends only those keys of an aggregate again whose sequence numbers are out of order", async () => {
    const { rig, orders } = await rigWith();
    await rig.deliver(orders, `${a}:1`);
    await rig.last().answer([landed("low", "9")]);
    await rig.deliver(orders, `${b}:1`, `${a}:2`);
    await rig.last().answer([landed("low", "5")]);
    assert.equal(rig.pipeline.state().outOfOrder, 1);
    assert.equal(rig.pipeline.state().delivered, 2);
    await rig.clock.advance(1_000);
    assert.deepEqual(rig.last().texts, [`${a}:2`]);
  });
});

describe("a stream whose RecordDistributionStrategy becomes AUTO", () => {
  test("is not written in order, and says why, until it is changed back", async () => {
    const { rig, orders } = await rigWith();
    rig.auto = true;
    await rig.deliver(orders, `${a}:1`, `${b}:1`);
    await rig.last().answer([landed("high", "1")]);
    await rig.clock.advance(5_000);
    assert.equal(rig.puts.length, 1);
    assert.equal(rig.pipeline.state().sinkFailure?.code, "RecordDistributionAuto");
    rig.auto = false;
    await rig.clock.advance(10_000);
    assert.deepEqual(rig.last().texts, [`${a}:1 ${b}:1`]);
    assert.equal(rig.pipeline.state().sinkFailure, null);
  });

  test("is noticed without a list of shards, by a key that moves to another one", async () => {
    const rig = createRig();
    const orders = rig.assign();
    await rig.clock.advance(6_000);
    await rig.deliver(orders, `${a}:1`);
    await rig.last().answer([landed("one", "1")]);
    rig.auto = true;
    await rig.deliver(orders, `${a}:2`);
    await rig.last().answer([landed("two", "2")]);
    await rig.clock.advance(1);
    await rig.deliver(orders, `${a}:3`);
    assert.deepEqual(rig.sent(), [[`${a}:1`], [`${a}:2`]]);
    assert.equal(rig.pipeline.state().sinkFailure?.code, "RecordDistributionAuto");
    rig.auto = false;
    await rig.clock.advance(10_000);
    assert.deepEqual(rig.last().texts, [`${a}:3`]);
  });

  test("is noticed within a minute in any case", async () => {
    const rig = createRig();
    const orders = rig.assign();
    await rig.clock.advance(6_000);
    rig.auto = true;
    await rig.clock.advance(60_000);
    await rig.deliver(orders, `${a}:1`);
    assert.equal(rig.puts.length, 0);
    assert.equal(rig.pipeline.state().sinkFailure?.code, "RecordDistributionAuto");
  });

  test("is written without aggregates when order does not matter", async () => {
    const { rig, orders } = await rigWith({ ordered: false });
    rig.auto = true;
    await rig.deliver(orders, `${a}:1`, `${b}:1`);
    await rig.last().answer([landed("high", "1")]);
    await rig.clock.advance(5_000);
    assert.deepEqual(rig.last().texts.toSorted(), [`${a}:1`, `${b}:1`].sort());
    await rig.last().answer([landed("high", "2"), landed("low", "3")]);
    assert.equal(rig.pipeline.state().delivered, 2);
  });
});

for (const ordered of [true, false]) {
  test(`aggregates grow where a round trip is long, ${ordered ? "ordered" : "unordered"}`, async () => {
    const { rig, orders } = await rigWith({ ordered, budgetBytes: 100_000_000, maxConcurrentRequests: 1 });
    const data = "x".repeat(1_000);
    const lowKeys = keys.filter((key) => hashKey(key) < "8");
    for (let entry = 0; entry < 50; entry += 1) {
      await rig.deliver(orders, ...lowKeys.map((key) => `${key}:${entry}${data}`));
    }
    let largest = 0;
    for (let round = 0; round < 20; round += 1) {
      const put = rig.last();
      largest = Math.max(largest, ...put.records.map((record) => record.data.byteLength));
      await rig.clock.advance(200);
      await put.answer(put.texts.map((_, index) => landed("low", String(1_000 * (round + 1) + index))));
    }
    assert.ok(largest > 150_000 && largest < 350_000, `${largest} bytes`);
  });
}
