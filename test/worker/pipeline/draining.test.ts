import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig, failure, type Rig, type RigOptions } from "./rig.ts";
import { h, landed, rigWith } from "./two-shards.ts";

for (const ordered of [true, false]) {
  describe(`draining, ${ordered ? "ordered" : "unordered"}`, () => {
    async function draining(prepare: (rig: Rig) => void, texts: readonly string[], options: RigOptions = {}) {
      const rig = createRig({ ordered, ...options });
      const orders = rig.assign();
      await rig.clock.advance(6_000);
      prepare(rig);
      await rig.deliver(orders, ...texts);
      const drain = { over: false };
      const deadline = new AbortController();
      const ended = rig.pipeline.drain(deadline.signal).then(() => {
        drain.over = true;
      });
      return { rig, orders, drain, ended, deadline };
    }

    test("takes nothing more: the broker sends it to somebody else", async () => {
      const { rig, orders, ended } = await draining(() => {}, ["a:1"]);
      await rig.deliver(orders, "b:1");
      await rig.last().accept();
      await ended;
      assert.deepEqual(rig.sent(), [["a:1"]]);
      assert.deepEqual(rig.acknowledged, ["a:1"]);
      assert.deepEqual([rig.pipeline.state().pending, rig.pipeline.state().pendingBytes], [0, 0]);
    });

    test("goes on after failures, until all is delivered", async () => {
      const { rig, drain, ended } = await draining(() => {}, ["a:1"]);
      await rig.last().fail(failure("transient"));
      await rig.clock.advance(1_000);
      assert.equal(drain.over, false);
      await rig.last().accept();
      await ended;
      assert.deepEqual(rig.acknowledged, ["a:1"]);
    });

    test("waits for the receipts of dead letters", async () => {
      const prepare = (rig: Rig): void => {
        rig.undecodable.add("a:1");
        rig.publishFails = true;
      };
      const { rig, drain, ended } = await draining(prepare, ["a:1"], { deadLetterTopic: "dead" });
      await rig.clock.advance(1_000);
      assert.equal(drain.over, false);
      rig.publishFails = false;
      await rig.clock.advance(60_000);
      await ended;
      assert.deepEqual(rig.acknowledged, ["a:1"]);
    });

    test("waits until the acknowledgements are confirmed", async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const prepare = (rig: Rig): void => {
        rig.confirming = promise;
      };
      const { rig, drain, ended } = await draining(prepare, ["a:1"]);
      await rig.last().accept();
      await rig.clock.advance(1_000);
      assert.equal(drain.over, false);
      resolve();
      await ended;
    });

    test("ends at its deadline while acknowledgements are not confirmed", async () => {
      const { rig, deadline, ended } = await draining(
        (each) => {
          each.confirming = new Promise((_, reject) => {
            each.clock.timer(5_000, () => reject(new Error("aborted")));
          });
        },
        ["a:1"],
      );
      await rig.last().accept();
      deadline.abort();
      await rig.clock.advance(5_000);
      await ended;
    });

    test("ends when the topic-partition is lost", async () => {
      const { rig, orders, ended } = await draining(() => {}, ["a:1"]);
      await rig.revoke(orders);
      await ended;
    });
  });
}

test("an ordered topic-partition that a poison stops while draining is not asked for again", async () => {
  const rig = createRig();
  const orders = rig.assign();
  await rig.clock.advance(6_000);
  await rig.deliver(orders, "a:1", "b:1");
  const ended = rig.pipeline.drain(new AbortController().signal);
  await rig.last().accept({ "a:1": failure("invalid") });
  await ended;
  assert.equal(rig.pipeline.state().poisonCount, 1);
  assert.deepEqual([rig.rewinds, rig.acknowledged], [[], []]);
});

test("an ordered topic-partition that a poison stopped takes nothing until it is asked for again", async () => {
  const rig = createRig();
  const orders = rig.assign();
  await rig.clock.advance(6_000);
  rig.undecodable.add("b:1");
  await rig.deliver(orders, "a:1");
  await rig.deliver(orders, "b:1");
  const before = rig.pipeline.state().pendingBytes;
  await rig.deliverSized(orders, 5_000, ["c:1"]);
  assert.equal(rig.pipeline.state().pendingBytes, before);
});

for (const ordered of [true, false]) {
  test(`a closed pipeline does nothing any more, ${ordered ? "ordered" : "unordered"}`, async () => {
    const { rig, orders } = await rigWith({ ordered, deadLetterTopic: "dead", maxConcurrentRequests: 1 });
    rig.undecodable.add("poison:1");
    rig.publishFails = true;
    await rig.deliver(orders, "poison:1", `${h}:1`);
    await rig.deliver(orders, `${h}:2`);
    const put = rig.last();
    const lists = rig.lists();
    rig.pipeline.close();
    assert.equal(put.signal.aborted, true);
    rig.publishFails = false;
    await put.answer([landed("unknown", "1")]);
    await rig.clock.advance(600_000);
    assert.deepEqual([rig.puts.length, rig.lists(), rig.letters, rig.acknowledged], [1, lists, [], []]);
  });
}
