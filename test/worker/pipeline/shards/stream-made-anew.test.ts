import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Shard } from "../../../../worker/sink/sink.ts";
import { failure } from "../rig.ts";
import { a, b, c, e, h, halves, landed, lowSplit, rigWith } from "../two-shards.ts";

/** Sequence numbers of shards that were created in that second hold it above 148 bits. */
const number = (second: number, count: number): string => String((BigInt(second) << 148n) + BigInt(count));
const createdAt = (second: number, shards: readonly Shard[]): Shard[] =>
  shards.map((each) => ({ ...each, startingSequenceNumber: number(second, 0) }));

const GONE = { ...failure("notReady"), code: "StreamNotFound" } as const;
/** What takes the place of `low`, under its id; the other one has a new id. */
const narrower = [{ ...lowSplit[1], shardId: "low" } as Shard, lowSplit[2] as Shard, halves[1] as Shard];

for (const ordered of [true, false]) {
  describe(`a stream that is made anew with other shards, ${ordered ? "ordered" : "unordered"}`, () => {
    test("is known by its sequence numbers: an aggregate of the former shards goes again, by the new ones", async () => {
      const shards = createdAt(5, halves);
      const { rig, orders } = await rigWith({ ordered, shards });
      await rig.deliver(orders, `${a}:1`, `${e}:1`);
      assert.deepEqual(rig.last().texts.length, 1);
      shards.splice(0, 2, ...createdAt(9, narrower));
      await rig.last().answer([landed("low", number(9, 1))]);
      assert.equal(rig.pipeline.state().delivered, 0);
      await rig.clock.advance(1_000);
      assert.deepEqual(rig.last().texts.toSorted(), [`${a}:1`, `${e}:1`].sort());
      await rig.last().answer(rig.last().texts.map((_, at) => landed(at === 0 ? "low" : "second", number(9, 2))));
      assert.equal(rig.pipeline.state().outOfOrder, 0);
    });

    test("is aggregated for again where its shards look the same", async () => {
      const shards = createdAt(5, halves);
      const { rig, orders } = await rigWith({ ordered, shards });
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      shards.splice(0, 2, ...createdAt(9, halves));
      await rig.last().answer([landed("low", number(9, 1))]);
      await rig.clock.advance(1_000);
      await rig.last().answer([landed("low", number(9, 2))]);
      await rig.deliver(orders, `${a}:2`, `${b}:2`);
      assert.deepEqual(rig.last().texts, [`${a}:2 ${b}:2`]);
      await rig.last().answer([landed("low", number(9, 3))]);
      assert.equal(rig.pipeline.state().delivered, 4);
    });

    test("an answer from its former life is one of a shard that is no more, and casts no doubt on sequence numbers", async () => {
      const shards = createdAt(5, halves);
      const { rig, orders } = await rigWith({ ordered, shards });
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      const late = rig.last();
      await rig.deliver(orders, `${h}:1`, `${h}:2`);
      shards.splice(0, 2, ...createdAt(9, halves));
      await rig.last().answer([landed("high", number(9, 1))]);
      await rig.clock.advance(1_000);
      const lists = rig.lists();
      await late.answer([landed("low", number(5, 1))]);
      await rig.clock.advance(1_000);
      assert.equal(rig.lists(), lists);
      assert.deepEqual(rig.last().texts, [`${a}:1 ${b}:1`]);
    });

    test("gets single records from the moment it is gone until its shards are listed", async () => {
      const shards = createdAt(5, halves);
      const { rig, orders } = await rigWith({ ordered, shards });
      await rig.deliver(orders, `${a}:1`, `${e}:1`);
      const { promise, resolve } = Promise.withResolvers<void>();
      rig.listing = promise;
      await rig.last().fail(GONE);
      await rig.clock.advance(5_000);
      assert.deepEqual(rig.last().texts.toSorted(), [`${a}:1`, `${e}:1`].sort());
      shards.splice(0, 2, ...createdAt(9, narrower));
      await rig.last().answer([landed("low", number(9, 1)), landed("second", number(9, 1))]);
      resolve();
      await rig.clock.advance(1);
      await rig.deliver(orders, `${a}:2`, `${b}:1`, `${e}:2`);
      assert.deepEqual(
        rig
          .last()
          .texts.map((text) => text.split(" ").sort().join(" "))
          .toSorted(),
        [[`${a}:2`, `${b}:1`].sort().join(" "), `${e}:2`].sort(),
      );
    });

    test("drops an aggregate's prediction when it is gone while the aggregate is on its way", async () => {
      const { rig, orders } = await rigWith({ ordered, shards: createdAt(5, halves) });
      await rig.deliver(orders, `${a}:1`, `${e}:1`);
      const onItsWay = rig.last();
      await rig.deliver(orders, `${h}:1`, `${h}:2`);
      rig.listing = new Promise(() => {});
      await rig.last().fail(GONE);
      await onItsWay.answer([landed("low", number(5, 1))]);
      assert.equal(rig.pipeline.state().delivered, 0);
    });

    test("is not suspected for long where sequence numbers do not tell when a shard was created", async () => {
      const { rig, orders } = await rigWith({ ordered, shards: createdAt(5, halves) });
      await rig.deliver(orders, `${a}:1`, `${b}:1`);
      await rig.last().answer([landed("low", number(77, 1))]);
      await rig.clock.advance(1_000);
      await rig.last().answer([landed("low", number(78, 2))]);
      await rig.deliver(orders, `${a}:2`, `${c}:2`);
      assert.deepEqual(rig.last().texts, [`${a}:2 ${c}:2`]);
      await rig.last().answer([landed("low", number(79, 3))]);
      assert.equal(rig.pipeline.state().delivered, 4);
    });
  });
}

test("sequence numbers of a former life say nothing of the order", async () => {
  const shards = createdAt(5, halves);
  const { rig, orders } = await rigWith({ shards, aggregation: false });
  await rig.deliver(orders, `${a}:1`);
  await rig.last().answer([landed("low", number(5, 100))]);
  shards.splice(0, 2, ...createdAt(3, halves));
  await rig.deliver(orders, `${a}:2`);
  await rig.last().answer([landed("low", number(3, 1))]);
  await rig.clock.advance(10_000);
  await rig.last().answer([landed("low", number(3, 2))]);
  assert.equal(rig.pipeline.state().pending, 0);
});

test("an unordered stream is looked at every five minutes, though nothing lands elsewhere", async () => {
  const { rig } = await rigWith({ ordered: false });
  const lists = rig.lists();
  await rig.clock.advance(300_000);
  assert.equal(rig.lists(), lists + 1);
});
