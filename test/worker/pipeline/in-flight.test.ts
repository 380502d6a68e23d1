/** What changes while records are on their way, or wait to be sent again. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig, failure, type Rig } from "./rig.ts";
import { a, b, c, d, e, h, halves, landed, lowSplit, rigWith } from "./two-shards.ts";

const refused = { accepted: false, failure: failure("invalid") } as const;
const failed = { accepted: false, failure: failure("transient") } as const;

describe("an aggregate that is to be sent again", () => {
  test("waits while the broker of one of its topic-partitions is silent", async () => {
    const { rig, orders } = await rigWith();
    await rig.deliver(orders, `${a}:1`, `${b}:1`);
    rig.answeredAt = rig.clock.now() - 4_001;
    await rig.last().answer([failed]);
    await rig.clock.advance(60_000);
    assert.equal(rig.puts.length, 1);
    rig.answeredAt = null;
    await rig.clock.advance(1_000);
    assert.deepEqual(rig.last().texts, [`${a}:1 ${b}:1`]);
  });

  for (const ordered of [true, false]) {
    test(`is packed anew when the shards changed meanwhile, ${ordered ? "ordered" : "unordered"}`, async () => {
      const shards = [...halves];
      const { rig, orders } = await rigWith({ ordered, shards });
      await rig.deliver(orders, `${a}:1`, `${e}:1`);
      await rig.last().answer([failed]);
      shards.splice(0, 1, ...lowSplit);
      await rig.deliver(orders, `${b}:1`);
      assert.deepEqual(rig.last().texts, [`${b}:1`]);
      await rig.last().answer([landed("first", "1")]);
      await rig.clock.advance(1_000);
      assert.deepEqual(rig.last().texts.toSorted(), [`${a}:1`, `${e}:1`].toSorted());
    });
  }
});

test("a shard has one ordered aggregate on its way, however much waits for it", async () => {
  const { rig, orders } = await rigWith();
  const data = "x".repeat(20_000);
  await rig.deliver(orders, ...[a, b, c, d].flatMap((key) => [`${key}:1${data}`, `${key}:2${data}`]));
  await rig.clock.advance(1_000);
  assert.deepEqual([rig.puts.length, rig.last().texts.length], [1, 1]);
});

describe("the search for the poison in a refused request", () => {
  /** The first half of a refused request is on its way again. */
  async function searching() {
    const rig = createRig({ maxConcurrentRequests: 1 });
    const [orders, others] = [rig.assign("orders"), rig.assign("others")];
    await rig.clock.advance(6_000);
    await rig.deliver(orders, "z:1");
    await rig.deliver(orders, "a:1", "b:1");
    await rig.deliver(others, "c:1", "d:1");
    await rig.last().accept();
    assert.deepEqual(rig.last().texts, ["a:1", "b:1", "c:1", "d:1"]);
    await rig.last().fail(failure("invalid"));
    assert.deepEqual(rig.last().texts, ["a:1", "b:1"]);
    return { rig, others };
  }
  const sentSince = (rig: Rig, count: number): string[] => rig.sent().slice(count).flat();

  test("leaves out what was withdrawn meanwhile", async () => {
    const { rig, others } = await searching();
    await rig.revoke(others);
    const count = rig.puts.length;
    await rig.last().accept();
    await rig.clock.advance(60_000);
    assert.deepEqual(sentSince(rig, count), []);
    assert.deepEqual(rig.acknowledged, ["z:1", "a:1 b:1"]);
  });

  test("waits while the stream ignores hash keys", async () => {
    const { rig } = await searching();
    rig.auto = true;
    await rig.clock.advance(60_000);
    assert.equal(rig.pipeline.state().sinkFailure?.code, "RecordDistributionAuto");
    const count = rig.puts.length;
    await rig.last().accept();
    await rig.clock.advance(5_000);
    assert.deepEqual(sentSince(rig, count), []);
    rig.auto = false;
    await rig.clock.advance(10_000);
    assert.deepEqual(sentSince(rig, count).toSorted(), ["c:1", "d:1"]);
  });
});

describe("what is accepted behind a poison that the same answer tells of", () => {
  for (const aggregation of [true, false]) {
    test(`counts as not sent, and comes again, ${aggregation ? "aggregated" : "alone"}`, async () => {
      const { rig, orders } = await rigWith({ aggregation });
      await rig.deliver(orders, `${h}:1`, `${a}:1`, `${b}:1`);
      const { texts } = rig.last();
      assert.deepEqual(texts, aggregation ? [`${h}:1`, `${a}:1 ${b}:1`] : [`${h}:1`, `${a}:1`, `${b}:1`]);
      await rig.last().answer([refused, ...texts.slice(1).map((_, index) => landed("low", String(index + 1)))]);
      assert.equal(rig.pipeline.state().poison[0]?.messageId, `${h}:1`);
      assert.equal(rig.rewinds.length, 1);
      const { delivered, pending, pendingBytes } = rig.pipeline.state();
      assert.deepEqual({ delivered, pending, pendingBytes }, { delivered: 0, pending: 0, pendingBytes: 0 });
      assert.deepEqual(rig.acknowledged, []);
    });
  }
});

describe("what the service refuses after its topic-partition was lost", () => {
  for (const deadLetterTopic of [null, "dead"]) {
    test(`is nobody's poison, ${deadLetterTopic === null ? "without" : "with"} a dead-letter topic`, async () => {
      const rig = createRig({ deadLetterTopic });
      const [lost, kept] = [rig.assign("lost"), rig.assign("kept")];
      await rig.clock.advance(6_000);
      await rig.deliver(lost, "a:1", "b:1");
      const { signal } = rig.last();
      // It is on its way, and its answer comes while the topic-partition is lost.
      const answered = rig.last().answer([refused, landed("shard-0", "1")]);
      await rig.revoke(lost);
      await answered;
      assert.equal(signal.aborted, false);
      await rig.deliver(kept, "c:1");
      await rig.last().accept();
      assert.deepEqual([rig.rewinds, rig.letters, rig.pipeline.state().poisonCount], [[], [], 0]);
      assert.deepEqual([rig.acknowledged, rig.pipeline.state().pending], [["c:1"], 0]);
    });
  }
});
