/** A topic-partition of which nothing moves, beside others: it gives its memory back and comes again later. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig, type Rig } from "./rig.ts";

const HALF = 6_000;

/** Something of another topic-partition is done each second, so that it is not the stream that stands. */
async function othersMove(rig: Rig, seconds: number): Promise<void> {
  const other = rig.assign("other");
  for (let second = 0; second < seconds; second += 1) {
    const before = rig.puts.length;
    await rig.deliver(other, `other:${second}`);
    await rig.clock.advance(1_000);
    for (const put of rig.puts.slice(before)) if (put.texts[0]?.startsWith("other")) await put.accept();
  }
}

const stuckSchemas = {
  prepare: (delivery: { readonly assignment: { readonly topic: string } }) =>
    delivery.assignment.topic === "stuck" ? Promise.reject(new Error("no schema")) : undefined,
  encode: () => null,
};

describe("an ordered topic-partition of which nothing moves", () => {
  test("is closed and read again from behind its checkpoint, ever more slowly", async () => {
    const rig = createRig({ format: stuckSchemas, handoverWaitMs: 0 });
    await rig.deliverSized(rig.assign("stuck"), HALF, ["a:1", "a:2"]);
    await othersMove(rig, 15);
    assert.deepEqual(rig.rewinds, [{ topic: "stuck", delayMs: 5_000 }]);
    await rig.deliverSized(rig.assign("stuck"), HALF, ["a:1", "a:2"]);
    await othersMove(rig, 15);
    assert.deepEqual(rig.rewinds[1], { topic: "stuck", delayMs: 10_000 });
    const { pendingBytes, heldBack, givenBack, pending } = rig.pipeline.state();
    assert.deepEqual([pendingBytes, pending, givenBack], [0, 0, 2]);
    assert.deepEqual(heldBack, { topic: "stuck", why: "no schema" });
  });

  test("sends nothing more, and awaits what is on its way", async () => {
    const rig = createRig({ handoverWaitMs: 0 });
    await rig.deliverSized(rig.assign("stuck"), HALF, ["a:1", "a:2"]);
    const [first] = rig.puts;
    await othersMove(rig, 15);
    assert.deepEqual(rig.rewinds, []);
    assert.equal(first?.signal.aborted, false);
    await first?.accept();
    await rig.clock.advance(10);
    assert.equal(rig.rewinds.length, 1);
    assert.equal(rig.sent().flat().includes("a:2"), false);
    assert.equal(rig.pipeline.state().delivered, 16);
  });

  test("that is alone keeps what it holds", async () => {
    const rig = createRig({ format: stuckSchemas, handoverWaitMs: 0 });
    await rig.deliverSized(rig.assign("stuck"), HALF, ["a:1"]);
    await rig.clock.advance(60_000);
    assert.deepEqual(rig.rewinds, []);
    assert.equal(rig.pipeline.state().stuckPartitions, 1);
  });

  test("keeps what it holds while the stream takes nothing from anybody", async () => {
    const rig = createRig({ handoverWaitMs: 0 });
    await rig.deliverSized(rig.assign("stuck"), HALF, ["a:1"]);
    await rig.deliverSized(rig.assign("other"), HALF, ["b:1"]);
    await rig.clock.advance(60_000);
    assert.deepEqual(rig.rewinds, []);
    assert.equal(rig.pipeline.state().stuckPartitions, 0);
  });
});

/** A format that has no memory for a message as often as `times` says. */
function shortFormat(text: string, times: number) {
  let left = times;
  return {
    prepare: () => undefined,
    encode: ({ id }: { readonly id: string }) => {
      if (id !== text || left === 0) return null;
      left -= 1;
      throw new RangeError("Array buffer allocation failed");
    },
  };
}

describe("a message for which there is no memory now", () => {
  test("is read again in order, and is no poison", async () => {
    const rig = createRig({ format: shortFormat("a:2", 1), handoverWaitMs: 0, deadLetterTopic: "letters" });
    await rig.deliver(rig.assign(), "a:1", "a:2", "a:3");
    await rig.clock.advance(10);
    assert.deepEqual(rig.rewinds, [{ topic: "orders", delayMs: 5_000 }]);
    await rig.deliver(rig.assign(), "a:1", "a:2", "a:3");
    for (let count = 0; count < 3; count += 1) await rig.last().accept();
    assert.deepEqual(rig.acknowledged, ["a:1 a:2 a:3"]);
    assert.deepEqual([rig.letters, rig.pipeline.state().poisonCount], [[], 0]);
  });

  test("is tried again while others flow past it, and is no poison", async () => {
    const rig = createRig({ ordered: false, format: shortFormat("a:2", 3), deadLetterTopic: "letters" });
    await rig.deliver(rig.assign(), "a:1", "a:2", "a:3");
    await rig.last().accept();
    assert.deepEqual(rig.sent(), [["a:1", "a:3"]]);
    await rig.clock.advance(4_000);
    await rig.last().accept();
    assert.deepEqual(rig.sent().at(-1), ["a:2"]);
    assert.deepEqual([rig.acknowledged, rig.letters], [["a:1 a:2 a:3"], []]);
  });
});

describe("poison of an entry that comes in parts", () => {
  for (const ordered of [true, false]) {
    test(`is counted from when it waits for its dead letter until it is confirmed, ${ordered ? "ordered" : "unordered"}`, async () => {
      const rig = createRig({ ordered, handoverWaitMs: 0, deadLetterTopic: "letters" });
      const changes: number[] = [];
      rig.publishFails = true;
      for (const text of ["a:1", "b:2"]) rig.undecodable.add(text);
      const setAside = (change: number) => void changes.push(change);
      const orders = rig.assign();
      await rig.deliverAs(orders, { setAside }, ["a:1", "b:2", "c:3"]);
      assert.deepEqual(changes, [1, 1]);
      assert.ok(rig.budget.shareOf(orders).held > 2_000, "letters take memory");
      rig.publishFails = false;
      await rig.clock.advance(60_000);
      await rig.last().accept();
      assert.deepEqual(changes, [1, 1, -1, -1]);
      assert.equal(rig.budget.used, 0);
    });
  }

  test("is counted while it is parked", async () => {
    const rig = createRig({ ordered: false });
    const changes: number[] = [];
    rig.undecodable.add("a:1");
    await rig.deliverAs(rig.assign(), { setAside: (change) => void changes.push(change) }, ["a:1"]);
    await rig.clock.advance(60_000);
    assert.deepEqual(changes, [1]);
    rig.undecodable.clear();
    await rig.clock.advance(300_000);
    await rig.last().accept();
    assert.deepEqual(changes, [1, -1]);
  });
});

describe("an unordered topic-partition of which nothing moves", () => {
  test("is closed, and what was delivered of its entries is not written again, however late they come", async () => {
    const rig = createRig({ ordered: false, deadLetterTopic: "letters" });
    rig.publishFails = true;
    rig.undecodable.add("b:2");
    await rig.deliverSized(rig.assign("stuck"), HALF, ["a:1", "b:2"]);
    await rig.last().accept();
    await othersMove(rig, 15);
    assert.deepEqual(rig.rewinds, [{ topic: "stuck", delayMs: 5_000 }]);
    const again = rig.assign("stuck");
    await othersMove(rig, 120);
    const before = rig.puts.length;
    rig.publishFails = false;
    await rig.deliverSized(again, HALF, ["a:1", "b:2"]);
    await rig.clock.advance(120_000);
    assert.equal(rig.puts.length, before);
    assert.equal(rig.letters.length, 1);
    assert.equal(rig.acknowledged.at(-1), "a:1 b:2");
    assert.deepEqual([rig.pipeline.state().stuckPartitions, rig.budget.used], [0, 0]);
  });

  test("flows on past poison that is set aside, while memory lasts", async () => {
    const rig = createRig({ ordered: false });
    rig.assign("other");
    const orders = rig.assign("orders");
    for (let index = 0; index < 4; index += 1) {
      rig.undecodable.add(`p:${index}`);
      const share = rig.budget.shareOf(orders);
      const { progress } = share;
      await rig.deliverSized(orders, 1_000, [`p:${index}`]);
      assert.ok(share.progress > progress, "what follows may be asked for");
    }
  });
});
