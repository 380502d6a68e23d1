import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { useBroker } from "./broker-fixture.ts";
import { createPublisher, numberedMessages, type Publisher } from "./publisher.ts";
import { type Receiver, type ReceiverOptions, useReceivers } from "./receiver.ts";

const numbers = (receiver: Receiver): number[] => receiver.texts.map((text) => Number.parseInt(text, 10));
const sequence = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);

interface Stats {
  readonly subscriptions: Readonly<
    Record<string, { msgBacklog: number; unackedMessages: number; consumers: { availablePermits: number }[] }>
  >;
}

describe("subscriptions at a broker", { timeout: 900_000 }, () => {
  const broker = useBroker({ config: { maxUnackedMessagesPerConsumer: "1000" } });
  const startReceiver = useReceivers();
  let publisher: Publisher;
  before(async () => {
    publisher = createPublisher(broker.pulsar.serviceUrl);
    await broker.admin("PUT", "namespaces/public/by-hand");
    await broker.admin("POST", "namespaces/public/by-hand/autoTopicCreation", { allowAutoTopicCreation: false });
  });
  after(() => publisher.close());

  const start = (options: Omit<ReceiverOptions, "serviceUrl">): Receiver =>
    startReceiver({ serviceUrl: broker.pulsar.serviceUrl, ...options });
  const stats = async (topic: string): Promise<Stats> =>
    (await broker.admin("GET", `${topic.replace("://", "/")}/stats`)) as Stats;
  const settled = (receiver: Receiver): Promise<void> => receiver.source.flush(AbortSignal.timeout(60_000));

  test("Failover takes a partition away at once also from a worker whose budget is full", async () => {
    const topic = broker.topic();
    await broker.admin("PUT", `${topic.replace("://", "/")}/partitions`, 2);
    for (let entry = 0; entry < 160; entry++) {
      await publisher.batch(`${topic}-partition-${entry % 2}`, numberedMessages(100, 1_000, 3));
    }
    const subscription = { name: "full", type: "Failover" } as const;
    const first = start({ topics: [topic], subscription, consumerName: "b", budgetBytes: 2_000_000 });
    await first.until("its budget is full", () => first.free <= 0 && first.source.state().activePartitions === 2);
    const second = start({ topics: [topic], subscription, consumerName: "a", budgetBytes: 2_000_000 });
    await second.until("the second is active", () => second.source.state().activePartitions === 1);
    const activated = performance.now();
    await first.until("the first is told", () => first.source.state().activePartitions === 1);
    // A new owner waits for as long as a request of the former one may last: 6 s by default.
    assert.ok(performance.now() - activated < 5_000, `${Math.round(performance.now() - activated)} ms`);
  });

  test("permits are given back for whole batches, so that a small queue never stalls", async () => {
    const topic = broker.topic();
    for (let entry = 0; entry < 60; entry++) await publisher.batch(topic, numberedMessages(50, 20, 3, entry * 50));
    const receiver = start({ topics: [topic], receiverQueueSize: 7, acknowledge: true });
    await receiver.received(3_000);
    assert.deepEqual(numbers(receiver), sequence(3_000));
  });

  test("permits are given back for what is dropped", async () => {
    const topic = broker.topic();
    const gone = numberedMessages(10, 20, 3).map((message) => ({ ...message, compactedOut: true }));
    for (let entry = 0; entry < 50; entry++) await publisher.batch(topic, gone);
    await publisher.single(topic, Buffer.from("1"));
    const receiver = start({ topics: [topic], subscription: { name: "drops" }, receiverQueueSize: 20 });
    await receiver.received(1);
    await settled(receiver);
    const left = (await stats(topic)).subscriptions["drops"];
    assert.equal(left?.msgBacklog, 1);
  });

  test("a delivery that is larger than the whole budget is admitted alone", async () => {
    const topic = broker.topic();
    for (let message = 0; message < 3; message++) await publisher.single(topic, Buffer.alloc(300_000, "x"));
    const receiver = start({ topics: [topic], budgetBytes: 100_000, acknowledge: true });
    await receiver.received(3);
  });

  test("an unacknowledged Shared consumer stops at the broker's limit and goes on after an acknowledgement", async () => {
    const topic = broker.topic();
    for (let entry = 0; entry < 30; entry++) await publisher.batch(topic, numberedMessages(100, 20, 3, entry * 100));
    const receiver = start({ topics: [topic], subscription: { name: "unacked" } });
    await receiver.received(1_000);
    await delay(300);
    const stalled = receiver.messages.length;
    assert.ok(stalled < 3_000);
    receiver.source.acknowledge(receiver.deliveries);
    await receiver.received(stalled + 500);
  });

  test("an unloaded topic is found again, and old deliveries are not acknowledged", async () => {
    const topic = broker.topic();
    await publisher.batch(topic, numberedMessages(10, 20, 3));
    const receiver = start({ topics: [topic], subscription: { name: "unload" } });
    await receiver.received(10);
    await broker.admin("PUT", `${topic.replace("://", "/")}/unload`);
    await receiver.received(20);
    assert.deepEqual(numbers(receiver), [...sequence(10), ...sequence(10)]);
    assert.deepEqual(
      receiver.events,
      ["assigned", "deliver", "revoked", "assigned", "deliver"].map((event) => `${event} ${topic}`),
    );
    receiver.source.acknowledge(receiver.deliveries.slice(0, 1));
    await settled(receiver);
    assert.equal((await stats(topic)).subscriptions["unload"]?.msgBacklog, 1);
    receiver.source.acknowledge(receiver.deliveries.slice(1));
    await settled(receiver);
    assert.equal((await stats(topic)).subscriptions["unload"]?.msgBacklog, 0);
  });

  test("a terminated topic is told of when it was read to its end", async () => {
    const topic = broker.topic();
    await publisher.single(topic, Buffer.from("last"));
    const receiver = start({ topics: [topic], acknowledge: true });
    await receiver.received(1);
    assert.equal(receiver.source.state().endedPartitions, 0);
    await broker.admin("POST", `${topic.replace("://", "/")}/terminate`);
    await receiver.until("the end is told", () => receiver.source.state().endedPartitions === 1);
  });

  test("a topic that is created anew with partitions is read by its partitions, and no longer by its own name", async () => {
    await broker.admin("PUT", "persistent/public/by-hand/orders");
    const topic = "persistent://public/by-hand/orders";
    const receiver = start({ topics: [topic], discoveryIntervalMs: 200 });
    await receiver.until("the topic is there", () => receiver.source.state().connected);
    await broker.admin("DELETE", "persistent/public/by-hand/orders?force=true");
    await broker.admin("PUT", "persistent/public/by-hand/orders/partitions", 2);
    await publisher.single(`${topic}-partition-1`, Buffer.from("1"));
    await receiver.received(1);
    await receiver.until("nothing is missing", () => receiver.source.state().connected);
    assert.deepEqual(receiver.source.state().activeTopics.toSorted(), [`${topic}-partition-0`, `${topic}-partition-1`]);
  });

  test("a topic that is created anew with fewer partitions is read by those it has", async () => {
    const topic = "persistent://public/by-hand/fewer";
    const partitions = "persistent/public/by-hand/fewer/partitions";
    await broker.admin("PUT", partitions, 3);
    const receiver = start({ topics: [topic], discoveryIntervalMs: 200 });
    await receiver.until("three are there", () => receiver.source.state().activePartitions === 3);
    await broker.admin("DELETE", `${partitions}?force=true`);
    await broker.admin("PUT", partitions, 1);
    await publisher.single(`${topic}-partition-0`, Buffer.from("0"));
    await receiver.received(1);
    await receiver.until("nothing is missing", () => receiver.source.state().connected);
    assert.deepEqual(receiver.source.state().activeTopics, [`${topic}-partition-0`]);
  });

  test("after the broker was away everything goes on where it was acknowledged", async () => {
    const topic = broker.topic();
    const receiver = start({ topics: [topic], subscription: { name: "outage", type: "Failover" } });
    await publisher.batch(topic, numberedMessages(10, 20, 3));
    await publisher.batch(topic, numberedMessages(10, 20, 3, 10));
    await receiver.received(20);
    const [first] = receiver.deliveries;
    assert.ok(first);
    receiver.source.acknowledgeThrough(first);
    await settled(receiver);
    await broker.stored(topic, "outage");
    await broker.pulsar.stop();
    // A broker that goes closes its consumers first, which is another failure.
    const code = () => receiver.source.state().failure?.code;
    await receiver.until("the loss is seen", () => code() === "BrokerUnreachable");
    assert.equal(first.assignment.active, false);
    await broker.pulsar.start();
    await receiver.received(30);
    assert.deepEqual(numbers(receiver).slice(20), sequence(10, 10));
    await receiver.until("it is sound again", () => receiver.source.state().failure === null);
  });

  test("a broker that hangs is noticed, and closing does not wait for it", async () => {
    const topic = broker.topic();
    const receiver = start({ topics: [topic] });
    await receiver.until("it is subscribed", () => receiver.source.state().connected);
    const [assignment] = receiver.assignments;
    assert.ok(assignment?.active);
    await broker.pulsar.kill("SIGSTOP");
    try {
      await receiver.until("the silence is noticed", () => !assignment.active);
      assert.ok(performance.now() - assignment.answeredAt > 10_000);
      const started = performance.now();
      await receiver.source.close();
      assert.ok(performance.now() - started < 10_000);
    } finally {
      await broker.pulsar.kill("SIGCONT");
    }
  });
});
