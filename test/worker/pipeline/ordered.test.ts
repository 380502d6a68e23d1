import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Delivery } from "../../../worker/source/source.ts";
import { delivery } from "./messages.ts";
import { createRig, failure, type Put, type Rig } from "./rig.ts";
import { a, b, landed, rigWith } from "./two-shards.ts";

/** A rig whose topic-partition may be written for. */
async function writable(rig: Rig, topic = "orders") {
  const orders = rig.assign(topic);
  await rig.clock.advance(6_000);
  return orders;
}

describe("the ordered pipeline", () => {
  test("writes nothing for a new topic-partition before the hand-over wait is over", async () => {
    const rig = createRig();
    const orders = rig.assign();
    await rig.deliver(orders, "a:1");
    await rig.clock.advance(5_999);
    assert.deepEqual(rig.sent(), []);
    await rig.clock.advance(1);
    assert.deepEqual(rig.sent(), [["a:1"]]);
  });

  test("has one record of a key in flight, and packs records of different keys", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1", "a:2", "b:1", "a:3");
    assert.deepEqual(rig.sent(), [["a:1", "b:1"]]);
    await rig.last().accept();
    assert.deepEqual(rig.last().texts, ["a:2"]);
  });

  test("gives the same key of another topic-partition a lane of its own", async () => {
    const rig = createRig();
    const orders = await writable(rig, "orders-0");
    const others = await writable(rig, "orders-1");
    await rig.deliver(orders, "a:1");
    await rig.deliver(others, "a:9");
    assert.deepEqual(rig.sent().flat(), ["a:1", "a:9"]);
  });

  test("sends a failed record again before any later one of its key, while other keys go on", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1", "b:1", "a:2", "b:2");
    await rig.last().accept({ "a:1": failure("throttled") });
    assert.deepEqual(rig.last().texts, ["b:2"]);
    await rig.clock.advance(60);
    assert.deepEqual(rig.last().texts, ["a:1"]);
    assert.equal(rig.pipeline.state().throttled, 1);
    assert.equal(rig.pipeline.state().retries, 1);
  });

  test("acknowledges the finished prefix only, by its last delivery", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1");
    await rig.deliver(orders, "b:1", "c:1");
    await rig.deliver(orders, "d:1");
    const [first, second, third] = rig.puts;
    await second?.accept();
    await third?.accept();
    assert.deepEqual(rig.acknowledged, []);
    await first?.accept();
    await rig.clock.advance(10);
    for (const put of rig.puts.slice(3)) await put.accept();
    assert.equal(rig.acknowledged.at(-1), "d:1");
    assert.equal(rig.pipeline.state().pendingBytes, 0);
    assert.equal(rig.pipeline.state().delivered, 4);
  });

  test("rests before it repeats a record whose fate is unknown", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1");
    await rig.last().fail(failure("transient", true));
    await rig.clock.advance(4_999);
    assert.equal(rig.puts.length, 1);
    await rig.clock.advance(1);
    assert.deepEqual(rig.sent(), [["a:1"], ["a:1"]]);
  });

  test("sends a record again whose sequence number is not above the one before", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1", "a:2");
    await rig.last().accept();
    await rig.last().answer([{ accepted: true, shardId: "shard-0", sequenceNumber: "5" }]);
    assert.equal(rig.pipeline.state().outOfOrder, 1);
    assert.deepEqual(rig.acknowledged, []);
    await rig.clock.advance(100);
    assert.deepEqual(rig.last().texts, ["a:2"]);
    await rig.last().accept();
    assert.deepEqual(rig.acknowledged, ["a:1 a:2"]);
  });

  test("withdraws the records of a lost topic-partition", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1", "a:2");
    await rig.revoke(orders);
    await rig.last().accept();
    await rig.clock.advance(60_000);
    assert.equal(rig.puts.length, 1);
    assert.deepEqual(rig.acknowledged, []);
    const { pending, pendingBytes } = rig.pipeline.state();
    assert.deepEqual({ pending, pendingBytes }, { pending: 0, pendingBytes: 0 });
  });

  test("writes nothing while the broker does not answer, and goes on when it does", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    rig.answeredAt = rig.clock.now() - 4_001;
    await rig.deliver(orders, "a:1");
    await rig.clock.advance(1_000);
    assert.deepEqual(rig.sent(), []);
    rig.answeredAt = null;
    await rig.clock.advance(250);
    assert.deepEqual(rig.sent(), [["a:1"]]);
  });

  test("resets what is on its way when the lease ends, at once and not sooner", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1");
    const { signal } = rig.last();
    await rig.clock.advance(10_000);
    assert.equal(signal.aborted, false, "answers prolong it");
    rig.answeredAt = rig.clock.now();
    await rig.clock.advance(4_000);
    assert.equal(signal.aborted, false);
    await rig.clock.advance(1);
    assert.equal(signal.aborted, true);
    rig.answeredAt = null;
    await rig.clock.advance(4_999);
    assert.equal(rig.puts.length, 1, "it may still be executed");
    await rig.clock.advance(1);
    assert.deepEqual(rig.sent(), [["a:1"], ["a:1"]]);
  });

  test("sends nothing of what waited for a socket until the lease was over, and repeats it without a rest", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    rig.socketsAreBusy = true;
    await rig.deliver(orders, "a:1");
    rig.answeredAt = rig.clock.now() - 4_001;
    assert.equal(rig.last().mayLeave(), false);
    await rig.clock.advance(0);
    assert.equal(rig.puts[0]?.signal.aborted, true);
    assert.equal(rig.pipeline.state().sinkFailure, null);
    rig.answeredAt = null;
    await rig.clock.advance(1_000);
    assert.deepEqual(rig.sent(), [["a:1"], ["a:1"]]);
  });
});

describe("the state of the ordered pipeline", () => {
  test("counts messages, and tells the publish time of the oldest one that is not done", async () => {
    const rig = createRig();
    assert.equal(rig.pipeline.state().oldestPublishTime, null);
    await rig.deliver(await writable(rig), "a:1", "b:1");
    const { received, pending, pendingBytes, oldestPublishTime, inFlightRequests } = rig.pipeline.state();
    assert.deepEqual(
      { received, pending, pendingBytes, oldestPublishTime, inFlightRequests },
      { received: 2, pending: 2, pendingBytes: 100, oldestPublishTime: 1_000, inFlightRequests: 1 },
    );
    await rig.last().accept();
    const { delivered, deliveredBytes, requests, records, oldestPublishTime: oldest } = rig.pipeline.state();
    assert.deepEqual(
      { delivered, deliveredBytes, requests, records, oldest },
      { delivered: 2, deliveredBytes: 6, requests: 1, records: 2, oldest: null },
    );
  });
});

describe("a delivery of the ordered pipeline", () => {
  test("lets go of its messages once they are taken over: those that wait are still sent, buried and told of", async () => {
    const rig = createRig({ deadLetterTopic: "dead" });
    const orders = await writable(rig);
    let messages = delivery(orders, ["a:1", "a:2", "b:1"]).messages;
    const given: Delivery = {
      ...{ assignment: orders, retainedBytes: 100, redeliveryCount: 0 },
      get messages() {
        return messages;
      },
      letGo: () => {
        messages = [];
      },
    };
    rig.undecodable.add("b:1");
    rig.budget.shareOf(orders).take(100);
    rig.pipeline.deliver(given);
    assert.deepEqual(messages, []);
    assert.equal(rig.pipeline.state().oldestPublishTime, 1_000);
    await rig.clock.advance(1);
    assert.deepEqual(
      rig.letters.map(({ message }) => message.id),
      ["b:1"],
    );
    await rig.last().accept();
    await rig.last().accept();
    assert.deepEqual(rig.sent(), [["a:1"], ["a:2"]]);
    const { pending, pendingBytes, oldestPublishTime } = rig.pipeline.state();
    assert.deepEqual(
      { pending, pendingBytes, oldestPublishTime },
      { pending: 0, pendingBytes: 0, oldestPublishTime: null },
    );
  });
});

describe("poison in the ordered pipeline", () => {
  test("stops its topic-partition: what precedes it is delivered, nothing after it is sent, and it is tried again", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    const others = await writable(rig, "others");
    rig.undecodable.add("b:1");
    await rig.deliver(orders, "a:1");
    await rig.deliver(orders, "c:1", "b:1", "d:1");
    await rig.deliver(orders, "e:1");
    await rig.deliver(others, "f:1");
    await rig.clock.advance(10);
    for (const put of rig.puts) await put.accept();
    assert.deepEqual(rig.sent().flat().sort(), ["a:1", "c:1", "f:1"]);
    assert.deepEqual(rig.acknowledged.toSorted(), ["a:1", "f:1"]);
    assert.deepEqual(rig.rewinds, [{ topic: "orders", delayMs: 5_000 }]);
    const { poison, poisonCount, pending, pendingBytes } = rig.pipeline.state();
    assert.deepEqual(
      { poison, poisonCount, pending, pendingBytes },
      {
        poison: [{ topic: "orders", messageId: "b:1", code: "Undecodable", message: "cannot decode b:1" }],
        poisonCount: 1,
        pending: 0,
        pendingBytes: 0,
      },
    );
  });

  test("is tried again with a growing delay, without repeating what precedes it in its entry, and forgotten once it passes", async () => {
    const rig = createRig();
    rig.undecodable.add("b:1");
    await rig.deliver(await writable(rig), "a:1", "b:1");
    await rig.last().accept();
    await rig.deliver(await writable(rig), "a:1", "b:1");
    assert.equal(rig.puts.length, 1);
    assert.deepEqual(
      rig.rewinds.map(({ delayMs }) => delayMs),
      [5_000, 10_000],
    );
    rig.undecodable.clear();
    await rig.deliver(await writable(rig), "a:1", "b:1");
    await rig.last().accept();
    assert.deepEqual(rig.acknowledged, ["a:1 b:1"]);
    assert.equal(rig.pipeline.state().poisonCount, 0);
  });

  test("in a later part of its entry is known all the same: the parts before it are not repeated either", async () => {
    const rig = createRig();
    rig.undecodable.add("1:5:-1:11");
    const parts = async (): Promise<void> => {
      const orders = await writable(rig);
      await rig.deliverAs(orders, { continues: true }, ["1:5:-1:8", "1:5:-1:9"]);
      for (const put of rig.puts) await put.accept();
      await rig.deliverAs(orders, { continues: true }, ["1:5:-1:10", "1:5:-1:11"]);
      for (const put of rig.puts) await put.accept();
      await rig.deliverAs(orders, {}, ["1:5:-1:12"]);
      for (const put of rig.puts) await put.accept();
      await rig.clock.advance(10);
    };
    await parts();
    await parts();
    await parts();
    assert.deepEqual(rig.sent().flat(), ["1:5:-1:8", "1:5:-1:9", "1:5:-1:10"]);
    assert.deepEqual(
      rig.rewinds.map(({ delayMs }) => delayMs),
      [5_000, 10_000, 20_000],
    );
    rig.undecodable.clear();
    await parts();
    assert.equal(rig.rewinds.length, 3);
    assert.equal(rig.sent().flat().at(-1), "1:5:-1:12");
    const { poisonCount, pending, pendingBytes } = rig.pipeline.state();
    assert.deepEqual([poisonCount, pending, pendingBytes], [0, 0, 0]);
  });

  test("is reported for as long as it may still be there, and no longer where another worker moved past it", async () => {
    const rig = createRig();
    rig.undecodable.add("b:1");
    await rig.deliver(await writable(rig), "b:1");
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1");
    await rig.clock.advance(600_000);
    assert.equal(rig.pipeline.state().poisonCount, 1);
    await rig.deliver(orders, "b:1");
    await rig.last().accept();
    assert.equal(rig.rewinds.length, 2);
    await writable(rig);
    assert.equal(rig.pipeline.state().poisonCount, 1);
    await rig.clock.advance(60_000);
    assert.equal(rig.pipeline.state().poisonCount, 0);
  });

  test("found by the service is isolated, and stops only its topic-partition", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1", "b:1", "c:1");
    for (let put = rig.last(); rig.pipeline.state().poisonCount === 0; put = rig.last()) {
      if (put.texts.includes("b:1")) await put.fail(failure("invalid"));
      else await put.accept();
    }
    assert.equal(rig.pipeline.state().poison[0]?.messageId, "b:1");
    assert.equal(rig.pipeline.state().poison[0]?.code, "RejectedByKinesis");
  });

  test("goes to the dead-letter topic with the reason, and holds the prefix until the receipt", async () => {
    const rig = createRig({ deadLetterTopic: "dead" });
    const orders = await writable(rig);
    rig.undecodable.add("b:1");
    rig.publishFails = true;
    await rig.deliver(orders, "b:1", "c:1");
    await rig.last().accept();
    await rig.clock.advance(5_000);
    assert.deepEqual(rig.acknowledged, []);
    assert.notEqual(rig.pipeline.state().sourceFailure, null);
    rig.publishFails = false;
    await rig.clock.advance(60_000);
    assert.deepEqual(rig.acknowledged, ["b:1 c:1"]);
    assert.deepEqual(Object.fromEntries(rig.letters[0]?.reason ?? []), {
      REAL_TOPIC: "orders",
      ORIGIN_MESSAGE_ID: "b:1",
      KINESIS_SINK_REASON: "Undecodable",
      KINESIS_SINK_MESSAGE: "cannot decode b:1",
    });
    assert.equal(rig.pipeline.state().deadLettered, 1);
    assert.equal(rig.pipeline.state().sourceFailure, null);
  });

  for (const aggregation of [false, true]) {
    const how = aggregation ? "in an aggregate" : "as a record";
    test(`holds what follows it of its key until the receipt, ${how}: by the next time it may be none`, async () => {
      const { rig, orders } = await rigWith({ ordered: true, aggregation, deadLetterTopic: "dead" });
      let sequence = 0;
      let answered = 0;
      const acceptAll = async (): Promise<string[]> => {
        for (; answered < rig.puts.length; answered += 1) {
          const put = rig.puts[answered] as Put;
          sequence += 10;
          await put.answer(put.texts.map((_, index) => landed("low", String(sequence + index))));
        }
        return rig.sent().flatMap((texts) => texts.flatMap((text) => text.split(" ")));
      };
      const poison = [`${a}:2`, `${a}:3`];
      for (const text of poison) rig.undecodable.add(text);
      rig.publishFails = true;
      const texts = [`${a}:1`, ...poison, `${a}:4`, `${b}:1`, `${a}:5`];
      await rig.deliver(orders, ...texts);
      await acceptAll();
      await rig.clock.advance(5_000);
      assert.deepEqual(await acceptAll(), [`${a}:1`, `${b}:1`]);
      rig.publishFails = false;
      await rig.clock.advance(60_000);
      await acceptAll();
      await rig.clock.advance(1_000);
      assert.deepEqual(await acceptAll(), [`${a}:1`, `${b}:1`, `${a}:4`, `${a}:5`]);
      assert.deepEqual(rig.acknowledged, [texts.join(" ")]);
    });
  }
});

describe("a message that the service refuses, with a dead-letter topic", () => {
  test("is waited for by those of its key until the receipt, and by no others", async () => {
    const rig = createRig({ deadLetterTopic: "dead" });
    const orders = await writable(rig);
    rig.publishFails = true;
    await rig.deliver(orders, "a:1", "b:1", "a:2", "b:2");
    await rig.last().accept({ "a:1": failure("invalid") });
    await rig.last().accept();
    await rig.clock.advance(10_000);
    assert.deepEqual(rig.sent(), [["a:1", "b:1"], ["b:2"]]);
    rig.publishFails = false;
    await rig.clock.advance(60_000);
    assert.deepEqual(rig.last().texts, ["a:2"]);
    await rig.last().accept();
    assert.deepEqual(
      rig.letters.map(({ message }) => message.id),
      ["a:1"],
    );
    assert.deepEqual([rig.acknowledged, rig.pipeline.state().pending], [["a:1 b:1 a:2 b:2"], 0]);
  });

  test("is forgotten with its topic-partition", async () => {
    const rig = createRig({ deadLetterTopic: "dead" });
    const orders = await writable(rig);
    rig.publishFails = true;
    await rig.deliver(orders, "a:1", "b:1", "a:2");
    await rig.last().accept({ "a:1": failure("invalid") });
    await rig.revoke(orders);
    rig.publishFails = false;
    await rig.clock.advance(60_000);
    assert.deepEqual([rig.letters, rig.puts.length, rig.pipeline.state().pending], [[], 1, 0]);
  });
});

describe("draining", () => {
  test("delivers what is pending, then has the acknowledgements confirmed", async () => {
    const rig = createRig();
    const orders = await writable(rig);
    await rig.deliver(orders, "a:1", "a:2");
    let drained = false;
    const draining = rig.pipeline.drain(new AbortController().signal).then(() => {
      drained = true;
    });
    await rig.last().accept();
    assert.equal(drained, false);
    assert.equal(rig.isStopped(), true);
    await rig.last().accept();
    await draining;
    assert.deepEqual(rig.acknowledged, ["a:1 a:2"]);
  });

  test("does not wait for a topic-partition that may not be written for yet", async () => {
    const rig = createRig();
    await rig.deliver(rig.assign(), "a:1");
    await rig.pipeline.drain(new AbortController().signal);
    assert.equal(rig.pipeline.state().pending, 0);
    assert.deepEqual(rig.sent(), []);
  });

  test("ends at its deadline", async () => {
    const rig = createRig();
    await rig.deliver(await writable(rig), "a:1");
    const deadline = new AbortController();
    const draining = rig.pipeline.drain(deadline.signal);
    deadline.abort();
    await draining;
    assert.deepEqual(rig.acknowledged, []);
  });
});
