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
  before(() => {
    publisher = createPublisher(broker.pulsar.serviceUrl);
  });
  after(() => publisher.close());

  const start = (options: Omit<ReceiverOptions, "serviceUrl">): Receiver =>
    startReceiver({ serviceUrl: broker.pulsar.serviceUrl, ...options });
  const stats = async (topic: string): Promise<Stats> =>
    (await broker.admin("GET", `${topic.replace("://", "/")}/stats`)) as Stats;
  const settled = (receiver: Receiver): Promise<void> => receiver.source.flush(AbortSignal.timeout(60_000));

  test("what is acknowledged does not come again, what is not comes again in order", async () => {
    const topic = broker.topic();
    const subscription = { name: "again" };
    for (let entry = 0; entry < 4; entry++) await publisher.batch(topic, numberedMessages(10, 20, 3, entry * 10));
    const first = start({ topics: [topic], subscription });
    await first.received(40);
    const [a, , c] = first.deliveries;
    assert.ok(a && c);
    first.source.acknowledge([a, c]);
    await settled(first);
    await first.source.close();
    assert.ok(first.assignments.every((assignment) => !assignment.active));
    const second = start({ topics: [topic], subscription });
    await second.received(20);
    assert.deepEqual(numbers(second), [...sequence(10, 10), ...sequence(10, 30)]);
    assert.equal(second.deliveries[0]?.redeliveryCount, 0);
  });

  test("a cumulative acknowledgement covers the prefix", async () => {
    const topic = broker.topic();
    const subscription = { name: "prefix", type: "Exclusive" } as const;
    for (let entry = 0; entry < 4; entry++) await publisher.batch(topic, numberedMessages(10, 20, 3, entry * 10));
    const first = start({ topics: [topic], subscription });
    await first.received(40);
    const [, b] = first.deliveries;
    assert.ok(b);
    first.source.acknowledgeThrough(b);
    await settled(first);
    await first.source.close();
    const second = start({ topics: [topic], subscription });
    await second.received(20);
    assert.deepEqual(numbers(second), sequence(20, 20));
  });

  test("rewinding ends the assignment at once and everything unacknowledged comes again", async () => {
    const topic = broker.topic();
    await publisher.batch(topic, numberedMessages(10, 20, 3));
    await publisher.batch(topic, numberedMessages(10, 20, 3, 10));
    const receiver = start({ topics: [topic], subscription: { type: "Failover" } });
    await receiver.received(20);
    const [first] = receiver.deliveries;
    const [old] = receiver.assignments;
    assert.ok(first && old);
    receiver.source.acknowledgeThrough(first);
    receiver.source.rewind(old, 50);
    assert.equal(old.active, false);
    assert.equal(receiver.events.at(-1), `revoked ${topic}`);
    receiver.source.acknowledgeThrough(receiver.deliveries[1] ?? first);
    await receiver.received(30);
    assert.deepEqual(numbers(receiver), [...sequence(20), ...sequence(10, 10)]);
    const [, next] = receiver.assignments;
    assert.ok(next && next.epoch > old.epoch && next.active);
  });

  test("Failover hands a partition over to the standby, which starts no delivery before", async () => {
    const topic = broker.topic();
    const subscription = { name: "handover", type: "Failover" } as const;
    const first = start({ topics: [topic], subscription, consumerName: "a", acknowledge: true });
    await first.until("the first is active", () => first.source.state().activePartitions === 1);
    const second = start({ topics: [topic], subscription, consumerName: "b", acknowledge: true });
    await second.until("the second waits", () => second.source.state().connected);
    assert.equal(second.source.state().activePartitions, 0);
    await publisher.batch(topic, numberedMessages(10, 20, 3));
    await first.received(10);
    await settled(first);
    assert.deepEqual(second.events, []);
    await first.source.close();
    assert.equal(first.events.at(-1), `revoked ${topic}`);
    await publisher.batch(topic, numberedMessages(10, 20, 3, 10));
    await second.received(10);
    assert.equal(second.events[0], `assigned ${topic}`);
    assert.deepEqual(numbers(second), sequence(10, 10));
  });

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

  test("partitions are shared by Failover consumers, and each is named as clients name it", async () => {
    const topic = broker.topic();
    await broker.admin("PUT", `${topic.replace("://", "/")}/partitions`, 4);
    const subscription = { name: "shared-out", type: "Failover" } as const;
    const receivers = ["a", "b"].map((consumerName) => start({ topics: [topic], subscription, consumerName }));
    const active = (): string =>
      receivers
        .flatMap((receiver) => receiver.source.state().activeTopics)
        .sort()
        .join();
    const all = sequence(4)
      .map((index) => `${topic}-partition-${index}`)
      .join();
    const [one, other] = receivers;
    assert.ok(one && other);
    await one.until("all partitions are active once", () => {
      const counts = receivers.map((receiver) => receiver.source.state().activePartitions);
      return counts.every((count) => count === 2) && active() === all;
    });
    await publisher.single(`${topic}-partition-2`, Buffer.from("2"));
    await one.until("a message came", () => one.messages.length + other.messages.length > 0);
    const [message] = [...one.messages, ...other.messages];
    assert.match(message?.id ?? "", /^\d+:0:2$/);
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

  test("the budget bounds what is received, and the rest comes when bytes are given back", async () => {
    const topic = broker.topic();
    for (let message = 0; message < 60; message++) await publisher.single(topic, Buffer.alloc(100_000, "x"));
    const budgetBytes = 1_000_000;
    const receiver = start({ topics: [topic], budgetBytes });
    await receiver.received(3);
    await delay(500);
    const held = receiver.messages.length;
    assert.ok(held < 60, `${held} messages within a budget of 10`);
    for (let next = 0; next < 60; next++) {
      await receiver.received(next + 1);
      const delivery = receiver.deliveries[next];
      assert.ok(delivery);
      assert.ok(delivery.retainedBytes >= 100_000);
      receiver.source.acknowledge([delivery]);
      receiver.giveBack(delivery.retainedBytes);
    }
    assert.equal(receiver.free, budgetBytes);
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

  test("partitions that are added are read from their start, also with the initial position Latest", async () => {
    const topic = broker.topic();
    const partitions = `${topic.replace("://", "/")}/partitions`;
    await broker.admin("PUT", partitions, 1);
    const receiver = start({ topics: [topic], subscription: { initialPosition: "Latest" }, discoveryIntervalMs: 200 });
    await receiver.until("one partition is there", () => receiver.source.state().connected);
    await broker.admin("POST", partitions, 3);
    await publisher.single(`${topic}-partition-2`, Buffer.from("late"));
    await receiver.received(1);
    await receiver.until("three partitions are there", () => receiver.source.state().partitions === 3);
  });

  test("a topic that is created anew with partitions is read by its partitions, and no longer by its own name", async () => {
    await broker.admin("PUT", "namespaces/public/by-hand");
    await broker.admin("POST", "namespaces/public/by-hand/autoTopicCreation", { allowAutoTopicCreation: false });
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

  test("topics that appear under a pattern are read from their start, and vanished ones are left", async () => {
    await publisher.single("persistent://public/default/orders-eu", Buffer.from("eu"));
    await publisher.single("persistent://public/default/other", Buffer.from("no"));
    await broker.admin("PUT", "persistent/public/default/orders-us/partitions", 2);
    const receiver = start({ topicsPattern: "persistent://public/default/orders-.*", discoveryIntervalMs: 200 });
    await receiver.until("three are found", () => receiver.source.state().partitions === 3);
    await publisher.single("persistent://public/default/orders-asia", Buffer.from("asia"));
    await receiver.received(2);
    assert.deepEqual(receiver.texts.sort(), ["asia", "eu"]);
    await broker.admin("DELETE", "persistent/public/default/orders-eu?force=true");
    await receiver.until(
      "one is gone",
      () => receiver.source.state().partitions === 3 && receiver.source.state().connected,
    );
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
      assert.ok(performance.now() - assignment.heardAt > 10_000);
      const started = performance.now();
      await receiver.source.close();
      assert.ok(performance.now() - started < 10_000);
    } finally {
      await broker.pulsar.kill("SIGCONT");
    }
  });
});
