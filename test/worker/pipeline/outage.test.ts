import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig, failure, type Put, type Rig } from "./rig.ts";

async function writable(rig: Rig, topic = "orders") {
  const assignment = rig.assign(topic);
  await rig.clock.advance(6_000);
  return assignment;
}

describe("a topic-partition that is lost with many requests on their way", () => {
  test("makes the others wait no longer than its lease lasts", async () => {
    const rig = createRig({ limits: { maxRecords: 1, maxBytes: 1_000, maxRecordBytes: 1_000 } });
    const lost = await writable(rig);
    const kept = await writable(rig, "payments");
    await rig.deliver(lost, "a:1", "b:1", "c:1", "d:1");
    assert.equal(rig.puts.length, 4);
    await rig.revoke(lost);
    await rig.deliver(kept, "e:1");
    await rig.clock.advance(4_000);
    assert.equal(rig.puts.length, 4, "what is on its way is waited for");
    await rig.clock.advance(1);
    assert.deepEqual(rig.last().texts, ["e:1"]);
    assert.equal(rig.pipeline.state().sinkFailure, null);
  });
});

describe("a stream that takes nothing", () => {
  const failed = { accepted: false, failure: failure("transient") } as const;
  const ways = [
    {
      ...{ how: "requests fail as a whole", failureClass: "notReady", probedWithinMs: 30_000 },
      fail: (put: Put) => put.fail(failure("notReady")),
    },
    {
      ...{ how: "answer by answer, all of it fails", failureClass: "transient", probedWithinMs: 10_000 },
      fail: (put: Put) => put.answer([failed]),
    },
  ];
  for (const ordered of [true, false]) {
    for (const { how, fail, failureClass, probedWithinMs } of ways) {
      const name = `${how}, ${ordered ? "ordered" : "unordered"}`;
      test(`is probed by one request at a time, and its failure shows until a success: ${name}`, async () => {
        const rig = createRig({ ordered, limits: { maxRecords: 1, maxBytes: 1_000, maxRecordBytes: 1_000 } });
        const orders = await writable(rig);
        await rig.deliver(orders, "a:1", "b:1", "c:1", "d:1", "e:1");
        assert.equal(rig.puts.length, 4);
        for (const put of rig.puts.slice()) await fail(put);
        await rig.clock.advance(probedWithinMs);
        assert.equal(rig.puts.length, 5, "one request probes the stream");
        assert.equal(rig.pipeline.state().sinkFailure?.class, failureClass);
        await rig.last().accept();
        await rig.clock.advance(1_000);
        assert.equal(rig.puts.length, 9);
        for (const put of rig.puts.slice(5)) await put.accept();
        assert.equal(rig.pipeline.state().sinkFailure, null);
        assert.deepEqual(rig.acknowledged, ["a:1 b:1 c:1 d:1 e:1"]);
      });
    }
  }
});

describe("a stream that comes back after a long outage", () => {
  test("is found within 5 s, and all that failed meanwhile is sent", async () => {
    const rig = createRig({ handoverWaitMs: 0 });
    await rig.deliver(await writable(rig), "a:1", "b:1", "c:1");
    for (let second = 0; second < 600; second += 1) {
      for (const put of rig.puts) await put.fail(failure("transient"));
      await rig.clock.advance(1_000);
    }
    for (let second = 0; second < 6; second += 1) {
      for (const put of rig.puts) await put.accept();
      await rig.clock.advance(1_000);
    }
    assert.deepEqual(rig.acknowledged, ["a:1 b:1 c:1"]);
  });
});

describe("a record that the service refuses on a quiet stream", () => {
  /** Refuses what is sent, as the service refuses content, for a minute. */
  async function refuse(rig: Rig) {
    for (let second = 0; second < 60; second += 1) {
      for (const put of rig.puts.slice(1)) await put.fail(failure("invalid"));
      await rig.clock.advance(1_000);
    }
  }

  for (const ordered of [true, false]) {
    const order = ordered ? "ordered" : "unordered";

    test(`is poison after some refusals, for the stream took others before, ${order}`, async () => {
      const rig = createRig({ ordered });
      const orders = await writable(rig);
      await rig.deliver(orders, "a:1");
      await rig.last().accept();
      await rig.deliver(orders, "a:2");
      for (let second = 0; second < 20; second += 1) {
        for (const put of rig.puts.slice(1)) await put.fail(failure("invalid"));
        await rig.clock.advance(1_000);
      }
      const { poison, poisonCount, sinkFailure } = rig.pipeline.state();
      assert.deepEqual([poisonCount, poison[0]?.messageId, poison[0]?.code], [1, "a:2", "RejectedByKinesis"]);
      assert.equal(sinkFailure, null);
      assert.deepEqual(rig.acknowledged, ["a:1"]);
    });

    test(`goes to the dead-letter topic, ${order}`, async () => {
      const rig = createRig({ ordered, deadLetterTopic: "dead" });
      const orders = await writable(rig);
      await rig.deliver(orders, "a:1");
      await rig.last().accept();
      await rig.deliver(orders, "a:2");
      await refuse(rig);
      assert.deepEqual(
        rig.letters.map(({ message }) => message.id),
        ["a:2"],
      );
      assert.deepEqual(rig.acknowledged, ["a:1", "a:2"]);
    });

    test(`is never blamed while the stream has not taken anything, ${order}`, async () => {
      const rig = createRig({ ordered, deadLetterTopic: "dead" });
      await rig.deliver(await writable(rig), "a:1");
      await rig.last().fail(failure("invalid"));
      await refuse(rig);
      assert.deepEqual([rig.letters, rig.acknowledged], [[], []]);
      assert.equal(rig.pipeline.state().sinkFailure?.class, "invalid");
    });

    test(`is never blamed for what is not its content, ${order}`, async () => {
      const rig = createRig({ ordered, deadLetterTopic: "dead" });
      const orders = await writable(rig);
      await rig.deliver(orders, "a:1");
      await rig.last().accept();
      await rig.deliver(orders, "a:2");
      for (let second = 0; second < 200; second += 1) {
        for (const put of rig.puts.slice(1)) await put.fail(failure(second % 2 === 0 ? "notReady" : "throttled"));
        await rig.clock.advance(1_000);
      }
      assert.deepEqual(rig.letters, []);
    });
  }
});

describe("many records that the service refuses, before those that it takes", () => {
  for (const ordered of [true, false]) {
    test(`are all found, and the others delivered, ${ordered ? "ordered" : "unordered"}`, async () => {
      const rig = createRig({ ordered, deadLetterTopic: "dead" });
      const orders = await writable(rig);
      const refused = Array.from({ length: 20 }, (_, index) => `poison${index}:1`);
      await rig.deliver(orders, ...refused, "a:1", "b:1", "c:1");
      for (let second = 0; second < 300; second += 1) {
        for (const put of rig.puts) {
          if (put.texts.some((text) => text.startsWith("poison"))) await put.fail(failure("invalid"));
          else await put.accept();
        }
        await rig.clock.advance(1_000);
      }
      assert.equal(rig.pipeline.state().delivered, 3);
      assert.deepEqual(rig.letters.map(({ message }) => message.id).toSorted(), refused.toSorted());
      assert.equal(rig.acknowledged.length, 1);
    });
  }
});
