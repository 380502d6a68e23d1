import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig, failure } from "./rig.ts";

describe("the unordered pipeline", () => {
  test("writes at once, packing whatever waits", async () => {
    const rig = createRig({ ordered: false });
    await rig.deliver(rig.assign(), "a:1", "a:2", "b:1");
    assert.deepEqual(rig.sent(), [["a:1", "a:2", "b:1"]]);
  });

  test("retries failed records only, and acknowledges whole entries", async () => {
    const rig = createRig({ ordered: false });
    const orders = rig.assign();
    await rig.deliver(orders, "a:1", "a:2");
    await rig.last().accept({ "a:1": failure("throttled") });
    assert.deepEqual(rig.acknowledged, []);
    await rig.deliver(orders, "a:3");
    await rig.last().accept();
    assert.deepEqual(rig.acknowledged, ["a:3"]);
    await rig.clock.advance(100);
    assert.deepEqual(rig.last().texts, ["a:1"]);
    await rig.last().accept();
    assert.deepEqual(rig.acknowledged, ["a:3", "a:1 a:2"]);
    assert.equal(rig.pipeline.state().pendingBytes, 0);
  });

  test("parks what cannot be encoded with its entry, tries it again more and more slowly, and acknowledges when it passes", async () => {
    const rig = createRig({ ordered: false });
    rig.undecodable.add("a:1");
    await rig.deliver(rig.assign(), "a:1", "a:2");
    assert.deepEqual(rig.last().texts, ["a:2"]);
    await rig.last().accept();
    await rig.clock.advance(14_999);
    const { poisonCount, poison, pending } = rig.pipeline.state();
    assert.deepEqual({ poisonCount, id: poison[0]?.messageId, pending }, { poisonCount: 1, id: "a:1", pending: 1 });
    assert.deepEqual(rig.acknowledged, []);
    rig.undecodable.clear();
    // The first try came after 5 s, the next comes 10 s later.
    await rig.clock.advance(1);
    await rig.last().accept();
    assert.deepEqual(rig.acknowledged, ["a:1 a:2"]);
    assert.equal(rig.pipeline.state().poisonCount, 0);
  });

  test("keeps a copy of the poison alone, so that large deliveries with one poison each do not stop the flow", async () => {
    const rig = createRig({ ordered: false, budgetBytes: 100_000 });
    const orders = rig.assign();
    for (let entry = 0; entry < 5; entry += 1) {
      rig.undecodable.add(`p:${entry}`);
      await rig.deliverSized(orders, 50_000, [`a:${entry}`, `p:${entry}`, `b:${entry}`]);
    }
    assert.ok(rig.budget.free < 0);
    for (const put of rig.puts) await put.accept();
    const { poisonCount, pendingBytes, pending } = rig.pipeline.state();
    assert.deepEqual(
      { poisonCount, pending, small: pendingBytes < 5_000 },
      { poisonCount: 5, pending: 5, small: true },
    );
    assert.deepEqual(rig.acknowledged, []);
    rig.undecodable.clear();
    await rig.clock.advance(5_000);
    assert.deepEqual(rig.last().texts.toSorted(), ["p:0", "p:1", "p:2", "p:3", "p:4"]);
    await rig.last().accept();
    assert.deepEqual(rig.acknowledged.toSorted()[0], "a:0 p:0 b:0");
    assert.equal(rig.acknowledged.length, 5);
    assert.equal(rig.pipeline.state().pendingBytes, 0);
  });

  test("knows what it delivered of a delivery that it gave back, when that comes again", async () => {
    const rig = createRig({ ordered: false });
    rig.undecodable.add("p:1");
    const before = rig.assign();
    await rig.deliverSized(before, 5_000, ["a:1", "p:1", "p:2"]);
    await rig.last().accept();
    assert.ok(rig.pipeline.state().pendingBytes < 1_000);
    await rig.revoke(before);
    assert.equal(rig.pipeline.state().pendingBytes, 0);
    rig.undecodable.clear();
    await rig.deliverSized(rig.assign(), 5_000, ["a:1", "p:1", "p:2"]);
    assert.deepEqual(rig.last().texts, ["p:1"]);
    await rig.last().accept();
    assert.deepEqual(rig.acknowledged, ["a:1 p:1 p:2"]);
  });

  test("dead-letters and acknowledges on the receipt", async () => {
    const rig = createRig({ ordered: false, deadLetterTopic: "dead" });
    rig.undecodable.add("a:1");
    await rig.deliver(rig.assign(), "a:1");
    await rig.clock.advance(1);
    assert.equal(rig.letters.length, 1);
    assert.deepEqual(rig.acknowledged, ["a:1"]);
  });

  test("isolates a record that the service refuses", async () => {
    const rig = createRig({ ordered: false });
    const texts = Array.from({ length: 20 }, (_, index) => `a:${index}`);
    await rig.deliver(rig.assign(), ...texts);
    for (let put = rig.last(); rig.pipeline.state().poisonCount === 0; put = rig.last()) {
      if (put.texts.includes("a:7")) await put.fail(failure("invalid"));
      else await put.accept();
    }
    assert.equal(rig.pipeline.state().poison[0]?.messageId, "a:7");
    assert.equal(rig.pipeline.state().delivered, 19);
  });

  test("drops what belonged to an assignment that ended", async () => {
    const rig = createRig({ ordered: false, maxConcurrentRequests: 1 });
    const orders = rig.assign();
    rig.undecodable.add("p:1");
    await rig.deliver(orders, "a:1", "p:1");
    await rig.deliver(orders, "a:2");
    await rig.revoke(orders);
    await rig.last().accept();
    await rig.clock.advance(60_000);
    assert.deepEqual(rig.sent(), [["a:1"]]);
    assert.deepEqual(rig.acknowledged, []);
    const { pending, pendingBytes, poisonCount } = rig.pipeline.state();
    assert.deepEqual({ pending, pendingBytes, poisonCount }, { pending: 0, pendingBytes: 0, poisonCount: 0 });
  });

  test("drains without waiting for what is parked", async () => {
    const rig = createRig({ ordered: false });
    rig.undecodable.add("a:1");
    await rig.deliver(rig.assign(), "a:1", "a:2");
    const draining = rig.pipeline.drain(new AbortController().signal);
    await rig.last().accept();
    await draining;
    assert.deepEqual(rig.acknowledged, []);
  });

  test("sends again what an answer with another number of records leaves open", async () => {
    const rig = createRig({ ordered: false });
    await rig.deliver(rig.assign(), "a:1", "a:2");
    await rig.last().answer([{ accepted: true, shardId: "shard-0", sequenceNumber: "1" }]);
    assert.equal(rig.pipeline.state().sinkFailure?.code, "AmbiguousAnswer");
    await rig.clock.advance(100);
    assert.deepEqual(rig.last().texts.toSorted(), ["a:1", "a:2"]);
  });
});
