/** `lingerMillis`: messages wait for others of their shard, so that they share an aggregate. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure } from "./rig.ts";
import { a, b, c, h, keys, landed, rigWith } from "./two-shards.ts";

for (const ordered of [true, false]) {
  describe(`a message that may wait for others, ${ordered ? "ordered" : "unordered"}`, () => {
    test("shares an aggregate with what comes meanwhile, and a request with other shards", async () => {
      const { rig, orders } = await rigWith({ ordered, lingerMs: 100 });
      await rig.deliver(orders, `${a}:1`);
      await rig.clock.advance(50);
      await rig.deliver(orders, `${b}:1`, `${a}:2`);
      await rig.clock.advance(45);
      assert.deepEqual(rig.sent(), []);
      await rig.clock.advance(5);
      assert.deepEqual(
        rig.sent().map((texts) => texts.map((text) => text.split(" ").toSorted().join(" "))),
        [[[`${a}:1`, `${a}:2`, `${b}:1`].toSorted().join(" ")]],
      );
    });

    test("goes as it is when nothing came, and its answer is not waited for by other shards", async () => {
      const { rig, orders } = await rigWith({ ordered, lingerMs: 100 });
      await rig.deliver(orders, `${a}:1`);
      await rig.clock.advance(100);
      assert.deepEqual(rig.sent(), [[`${a}:1`]]);
      await rig.deliver(orders, `${h}:1`);
      await rig.clock.advance(110);
      assert.deepEqual(rig.sent(), [[`${a}:1`], [`${h}:1`]]);
    });

    test("goes with the shards that are due within the same 10 ms", async () => {
      const { rig, orders } = await rigWith({ ordered, lingerMs: 100 });
      await rig.clock.advance(1);
      await rig.deliver(orders, `${a}:1`);
      await rig.clock.advance(5);
      await rig.deliver(orders, `${h}:1`);
      await rig.clock.advance(110);
      assert.deepEqual(rig.sent(), [[`${a}:1`, `${h}:1`]]);
    });

    test("waits no longer once the aggregate is full", async () => {
      const limits = { maxRecords: 500, maxBytes: 5_242_880, maxRecordBytes: 200 };
      const { rig, orders } = await rigWith({ ordered, lingerMs: 1_000, limits });
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      await rig.clock.advance(1_000);
      await rig.last().answer([landed("low", "1")]);
      const low = keys.filter((key) => key !== a && key !== b);
      await rig.deliver(orders, ...low.map((key) => `${key}:1`));
      await rig.clock.advance(1);
      assert.ok(rig.puts.length > 1, "full aggregates went");
      assert.ok(rig.sent().flat().join(" ").split(" ").length < 102, "the others wait");
    });

    test("waits no longer when half of the budget is used", async () => {
      const { rig, orders } = await rigWith({ ordered, lingerMs: 1_000, budgetBytes: 1_000 });
      await rig.deliverSized(orders, 400, [`${a}:1`]);
      await rig.clock.advance(1);
      assert.deepEqual(rig.sent(), []);
      await rig.deliverSized(orders, 200, [`${h}:1`]);
      await rig.clock.advance(1);
      assert.deepEqual(rig.sent().flat().toSorted(), [`${a}:1`, `${h}:1`].toSorted());
    });

    test("waits no longer when the pipeline drains", async () => {
      const { rig, orders } = await rigWith({ ordered, lingerMs: 1_000 });
      await rig.deliver(orders, `${a}:1`);
      const drained = rig.pipeline.drain(new AbortController().signal);
      await rig.clock.advance(1);
      assert.deepEqual(rig.sent(), [[`${a}:1`]]);
      await rig.last().accept();
      await drained;
    });

    test("has waited when it could not go for long", async () => {
      const { rig, orders } = await rigWith({ ordered, lingerMs: 100 });
      await rig.deliver(orders, `${a}:1`);
      await rig.clock.advance(100);
      await rig.deliver(orders, `${a}:2`);
      await rig.clock.advance(200);
      await rig.deliver(orders, `${b}:1`, `${c}:1`);
      assert.deepEqual(rig.sent(), [[`${a}:1`]]);
      await rig.last().answer([landed("low", "1")]);
      await rig.clock.advance(1);
      assert.deepEqual(rig.last().texts.join(" ").split(" ").toSorted(), [`${a}:2`, `${b}:1`, `${c}:1`].toSorted());
    });

    test("does not wait again after a failure", async () => {
      const { rig, orders } = await rigWith({ ordered, lingerMs: 1_000 });
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      await rig.clock.advance(1_000);
      await rig.last().fail(failure("transient"));
      await rig.clock.advance(100);
      assert.equal(rig.puts.length, 2);
    });

    test("does not wait where there are no aggregates", async () => {
      for (const without of [{ aggregation: false }, { shards: [] }]) {
        const { rig, orders } = await rigWith({ ordered, lingerMs: 1_000, ...without });
        await rig.deliver(orders, `${a}:1`);
        await rig.clock.advance(1);
        assert.deepEqual(rig.sent(), [[`${a}:1`]]);
      }
    });
  });
}
