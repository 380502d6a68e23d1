import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SinkError } from "../../../../worker/sink/sink.ts";
import { failure } from "../rig.ts";
import { a, b, h, halves, landed, MIDDLE, rigWith, shard } from "../two-shards.ts";

/** ListShards is denied. */
function denied(): Promise<void> {
  const listing = Promise.reject(new SinkError({ ...failure("notReady"), code: "AccessDenied" }));
  listing.catch(() => {});
  return listing;
}

for (const ordered of [true, false]) {
  describe(`aggregation, ${ordered ? "ordered" : "unordered"}`, () => {
    test("begins once the permission to list shards is granted, which is looked for every five minutes", async () => {
      const { rig, orders } = await rigWith({ ordered, listing: denied() });
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      assert.equal(rig.last().texts.length, 2);
      // Without a list nobody knows where records should have landed.
      await rig.last().answer([landed("low", "1"), landed("low", "2")]);
      await rig.clock.advance(290_000);
      assert.equal(rig.lists(), 1);
      rig.listing = Promise.resolve();
      await rig.clock.advance(10_000);
      assert.equal(rig.lists(), 2);
      await rig.deliver(orders, `${a}:2`, `${b}:2`);
      assert.deepEqual(rig.last().texts, [`${a}:2 ${b}:2`]);
    });

    test("goes on by the new shards once the permission to list them is back", async () => {
      const shards = [...halves];
      const { rig, orders } = await rigWith({ ordered, shards });
      rig.listing = denied();
      shards.splice(0, 1, shard("low", 0n, MIDDLE - 1n, false), shard("new", 0n, MIDDLE - 1n));
      const lists = rig.lists();
      for (let second = 0; second < 320; second += 1) {
        if (second % 10 === 0) await rig.deliver(orders, `${a}:${second}`, `${b}:${second}`);
        for (const put of rig.puts.splice(0)) await put.answer(put.texts.map(() => landed("new", String(second + 10))));
        await rig.clock.advance(1_000);
        if (second === 250) rig.listing = Promise.resolve();
      }
      assert.equal(rig.lists(), lists + 2);
      await rig.deliver(orders, `${a}:x`, `${b}:x`);
      await rig.last().answer([landed("new", "9999")]);
      assert.equal(rig.pipeline.state().pending, 0);
    });

    test("begins half a minute after a list that failed", async () => {
      const listing = Promise.reject(new Error("no answer"));
      listing.catch(() => {});
      const { rig, orders } = await rigWith({ ordered, listing });
      rig.listing = Promise.resolve();
      await rig.clock.advance(24_000);
      assert.equal(rig.lists(), 2);
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      assert.deepEqual(rig.last().texts, [`${a}:1 ${b}:1`]);
    });

    test("looks again after a list that was asked for before another shard was seen", async () => {
      const shards = [...halves];
      const { rig, orders } = await rigWith({ ordered, shards, aggregation: false });
      const lists = rig.lists();
      const { promise, resolve } = Promise.withResolvers<void>();
      rig.listing = promise;
      await rig.deliver(orders, `${a}:1`);
      await rig.last().answer([landed("new-low", "1")]);
      await rig.clock.advance(100);
      await rig.deliver(orders, `${h}:1`);
      await rig.last().answer([landed("new-high", "1")]);
      await rig.clock.advance(100);
      assert.equal(rig.lists(), lists + 1);
      resolve();
      await rig.clock.advance(1);
      assert.equal(rig.lists(), lists + 2);
    });
  });
}

test("an ordered stream is looked at every minute, though its shards are listed and nothing lands elsewhere", async () => {
  const { rig, orders } = await rigWith();
  rig.auto = true;
  await rig.clock.advance(60_000);
  await rig.deliver(orders, `${a}:1`);
  assert.equal(rig.puts.length, 0);
  assert.equal(rig.pipeline.state().sinkFailure?.code, "RecordDistributionAuto");
});

test("AUTO that somebody else's look shows ends aggregation at once, and is looked at again every ten seconds", async () => {
  const { rig, orders } = await rigWith({ ordered: false });
  const { signal } = new AbortController();
  rig.auto = true;
  await rig.streamWatch.look(signal);
  await rig.deliver(orders, `${a}:1`, `${b}:1`);
  assert.deepEqual(rig.last().texts.toSorted(), [`${a}:1`, `${b}:1`].sort());
  await rig.last().accept();
  rig.auto = false;
  await rig.clock.advance(10_000);
  await rig.deliver(orders, `${a}:2`, `${b}:2`);
  assert.deepEqual(rig.last().texts, [`${a}:2 ${b}:2`]);
});
