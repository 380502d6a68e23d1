import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createPulsarAdmin } from "../../../worker/pulsar-admin.ts";
import type { Message } from "../../../worker/source/source.ts";
import { testedReleases } from "../../env/pulsar/releases.ts";
import { testedClients } from "./clients.ts";
import { useBroker } from "./wire/broker-fixture.ts";
import { createPublisher, numberedMessages, type Publisher } from "./wire/publisher.ts";
import { type Receiver, type ReceiverOptions, useReceivers } from "./wire/receiver.ts";

const numbers = (receiver: Receiver): number[] => receiver.texts.map((text) => Number.parseInt(text, 10));
const sequence = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);
const settled = (receiver: Receiver): Promise<void> => receiver.source.flush(AbortSignal.timeout(5_000));
const clients = await testedClients();

for (const release of testedReleases()) {
  describe(`what both clients do alike, with Pulsar ${release.version}`, { timeout: 600_000 }, () => {
    const broker = useBroker({ release });
    let publisher: Publisher;
    before(() => {
      publisher = createPublisher(broker.pulsar.serviceUrl);
    });
    after(() => publisher.close());
    const path = (topic: string): string => topic.replace("://", "/");
    const backlog = async (topic: string, subscription: string): Promise<number> => {
      const stats = (await broker.admin("GET", `${path(topic)}/stats`)) as {
        subscriptions: Readonly<Record<string, { msgBacklog: number }>>;
      };
      return stats.subscriptions[subscription]?.msgBacklog ?? -1;
    };

    for (const { name, create, skip } of clients) {
      describe(`the ${name} client`, { skip }, () => {
        const startReceiver = useReceivers((options) =>
          create({ ...options, admin: createPulsarAdmin(broker.pulsar.adminUrl, { authentication: null, tls: {} }) }),
        );
        const start = (options: Omit<ReceiverOptions, "serviceUrl">): Receiver =>
          startReceiver({ serviceUrl: broker.pulsar.serviceUrl, ...options });

        /** Four entries of ten messages, one after another, so that each is a delivery of its own. */
        const receiveFour = async (topic: string, receiver: Receiver): Promise<void> => {
          for (let entry = 0; entry < 4; entry++) {
            await publisher.batch(topic, numberedMessages(10, 20, 3, entry * 10));
            await receiver.received((entry + 1) * 10);
          }
        };

        test("entries that are done in any order do not come again, the others do", async () => {
          const topic = broker.topic();
          const subscription = { name: "again" };
          const first = start({ topics: [topic], subscription });
          await first.until("it is subscribed", () => first.source.state().connected);
          await receiveFour(topic, first);
          const done = first.deliveries.filter(({ messages: [message] }) => /^(0|20)a/.test(String(message?.payload)));
          assert.equal(done.length, 2);
          first.source.acknowledge(done);
          await settled(first);
          await first.source.close();
          assert.ok(first.assignments.every((assignment) => !assignment.active));
          assert.equal(await backlog(topic, "again"), 2);
          const second = start({ topics: [topic], subscription });
          await second.received(20);
          assert.deepEqual(numbers(second), [...sequence(10, 10), ...sequence(10, 30)]);
        });

        test("nothing is left when all deliveries are acknowledged, however the entries were cut", async () => {
          const topic = broker.topic();
          for (let entry = 0; entry < 40; entry++)
            await publisher.batch(topic, numberedMessages(333, 20, 3, entry * 333));
          const receiver = start({ topics: [topic], subscription: { name: "all" }, acknowledge: true });
          await receiver.received(40 * 333);
          await settled(receiver);
          await receiver.source.close();
          assert.deepEqual(numbers(receiver), sequence(40 * 333));
          assert.equal(await backlog(topic, "all"), 0);
        });

        for (const type of ["Exclusive", "Failover"] as const) {
          test(`a cumulative acknowledgement covers the prefix (${type})`, async () => {
            const topic = broker.topic();
            const subscription = { name: "prefix", type };
            const first = start({ topics: [topic], subscription });
            await first.until("it is subscribed", () => first.source.state().connected);
            await receiveFour(topic, first);
            const half = first.deliveries.find(({ messages }) => String(messages.at(-1)?.payload).startsWith("19a"));
            assert.ok(half);
            first.source.acknowledgeThrough(half);
            await settled(first);
            await first.source.close();
            const second = start({ topics: [topic], subscription });
            await second.received(20);
            assert.deepEqual(numbers(second), sequence(20, 20));
          });
        }

        for (const [from, to] of [
          ["Shared", "Failover"],
          ["Failover", "Shared"],
        ] as const) {
          test(`a ${to} subscription goes on where a ${from} one of its name was left`, async () => {
            const topic = broker.topic();
            const first = start({ topics: [topic], subscription: { name: "taken-over", type: from } });
            await first.until("it is subscribed", () => first.source.state().connected);
            await receiveFour(topic, first);
            const delivered = (number: number) =>
              first.deliveries.find(({ messages: [message] }) => String(message?.payload).startsWith(`${number}a`)) ??
              assert.fail();
            if (from === "Shared") first.source.acknowledge([delivered(0), delivered(20)]);
            else first.source.acknowledgeThrough(delivered(0));
            await settled(first);
            await first.source.close();
            const second = start({ topics: [topic], subscription: { name: "taken-over", type: to } });
            await second.received(from === "Shared" ? 20 : 30);
            const rest = from === "Shared" ? [...sequence(10, 10), ...sequence(10, 30)] : sequence(30, 10);
            assert.deepEqual(numbers(second), rest);
          });
        }

        test("rewinding ends the assignment at once and everything unacknowledged comes again", async () => {
          const topic = broker.topic();
          const receiver = start({ topics: [topic], subscription: { type: "Failover" } });
          await receiver.until("it is subscribed", () => receiver.source.state().connected);
          await publisher.batch(topic, numberedMessages(10, 20, 3));
          await receiver.received(10);
          await publisher.batch(topic, numberedMessages(10, 20, 3, 10));
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
          const next = receiver.assignments.at(-1);
          assert.ok(next && next.epoch > old.epoch && next.active);
        });

        test("Failover hands a partition over to the standby, which starts no delivery before", async () => {
          // Of the consumers of a partition with index 0 the first by name is the active one.
          const parent = broker.topic();
          await broker.admin("PUT", `${path(parent)}/partitions`, 1);
          const topic = `${parent}-partition-0`;
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

        test("partitions are shared by Failover consumers, and one that loses a partition is told", async () => {
          const topic = broker.topic();
          await broker.admin("PUT", `${path(topic)}/partitions`, 4);
          const subscription = { name: "shared-out", type: "Failover" } as const;
          const one = start({ topics: [topic], subscription, consumerName: "a" });
          await one.until("all four are its own", () => one.source.state().activePartitions === 4);
          const other = start({ topics: [topic], subscription, consumerName: "b" });
          await other.until("each has two", () =>
            [one, other].every((receiver) => receiver.source.state().activePartitions === 2),
          );
          const active = [one, other].flatMap((receiver) => receiver.source.state().activeTopics).sort();
          assert.deepEqual(
            active,
            sequence(4).map((index) => `${topic}-partition-${index}`),
          );
          assert.equal(one.events.filter((event) => event.startsWith("revoked")).length, 2);
          await publisher.single(`${topic}-partition-2`, Buffer.from("2"));
          await one.until("a message came", () => one.messages.length + other.messages.length > 0);
          const [message] = [...one.messages, ...other.messages];
          assert.match(message?.id ?? "", /^\d+:0:2$/);
        });

        test("the budget bounds what is received, and the rest comes when bytes are given back", async () => {
          const topic = broker.topic();
          for (let message = 0; message < 60; message++) await publisher.single(topic, Buffer.alloc(100_000, "x"));
          const receiver = start({ topics: [topic], budgetBytes: 1_000_000 });
          await receiver.received(3);
          await new Promise((resolve) => setTimeout(resolve, 500));
          assert.ok(receiver.messages.length < 60, `${receiver.messages.length} messages within a budget of 10`);
          for (let next = 0; receiver.messages.length < 60 || next < receiver.deliveries.length; next++) {
            await receiver.until("the next delivery came", () => receiver.deliveries.length > next);
            const delivery = receiver.deliveries[next];
            assert.ok(delivery);
            assert.ok(delivery.retainedBytes >= 100_000);
            receiver.source.acknowledge([delivery]);
            receiver.giveBack(delivery.retainedBytes);
          }
          assert.equal(receiver.free, 1_000_000);
        });

        test("what was not acknowledged comes again when a topic is unloaded", async () => {
          const topic = broker.topic();
          await publisher.batch(topic, numberedMessages(10, 20, 3));
          const receiver = start({ topics: [topic], subscription: { name: "unload" } });
          await receiver.received(10);
          await broker.admin("PUT", `${path(topic)}/unload`);
          await receiver.received(20);
          assert.deepEqual(numbers(receiver), [...sequence(10), ...sequence(10)]);
          // pulsar-client may connect again before it is noticed: then the messages come twice in one assignment.
          const [expected, actual] = [["assigned", "deliver", "revoked", "assigned", "deliver"], receiver.events];
          if (name === "Wire") {
            assert.deepEqual(
              actual,
              expected.map((event) => `${event} ${topic}`),
            );
          }
          receiver.source.acknowledge(receiver.deliveries);
          await settled(receiver);
          await receiver.source.close();
          assert.equal(await backlog(topic, "unload"), 0);
        });

        test("partitions that are added are read from their start, also with the initial position Latest", async () => {
          const topic = broker.topic();
          const partitions = `${path(topic)}/partitions`;
          await broker.admin("PUT", partitions, 1);
          const receiver = start({
            topics: [topic],
            subscription: { initialPosition: "Latest" },
            discoveryIntervalMs: 200,
          });
          await receiver.until("one partition is there", () => receiver.source.state().connected);
          await broker.admin("POST", partitions, 3);
          await publisher.single(`${topic}-partition-2`, Buffer.from("late"));
          await receiver.received(1);
          await receiver.until("all are there", () => receiver.source.state().partitions === 3);
        });

        test("topics that appear under a pattern are read from their start, and vanished ones are left", async () => {
          const prefix = `persistent://public/default/orders-${name}`;
          await publisher.single(`${prefix}-eu`, Buffer.from("eu"));
          await publisher.single(`persistent://public/default/other-${name}`, Buffer.from("no"));
          await broker.admin("PUT", `${path(prefix)}-us/partitions`, 2);
          const receiver = start({ topicsPattern: `${prefix}-.*`, discoveryIntervalMs: 200 });
          await receiver.until("three are found", () => receiver.source.state().partitions === 3);
          await publisher.single(`${prefix}-asia`, Buffer.from("asia"));
          await receiver.received(2);
          assert.deepEqual(receiver.texts.sort(), ["asia", "eu"]);
          await broker.admin("DELETE", `${path(prefix)}-eu?force=true`);
          await receiver.until("one is gone", () => {
            const { partitions, connected } = receiver.source.state();
            return partitions === 3 && connected;
          });
        });

        test("each message has the schema version it was written with, and the schema is there", async () => {
          const topic = broker.topic();
          const schema = (fields: readonly string[]) => ({
            type: "AVRO",
            data: Buffer.from(
              JSON.stringify({
                type: "record",
                name: "Order",
                fields: fields.map((field) => ({ name: field, type: ["null", "string"], default: null })),
              }),
            ),
            properties: new Map<string, string>(),
          });
          const receiver = start({ topics: [topic] });
          const publish = async (text: string, schemaVersion: Uint8Array) => {
            await publisher.batch(topic, [{ payload: Buffer.from(text) }], { schemaVersion });
            await receiver.received(Number(text) + 1);
          };
          await receiver.until("it is subscribed", () => receiver.source.state().connected);
          const first = await publisher.registerSchema(topic, schema(["a"]));
          await publish("0", first);
          const second = await publisher.registerSchema(topic, schema(["a", "b"]));
          await publish("1", second);
          await publish("2", first);
          const versions = receiver.messages.map(({ entry }) => Buffer.from(entry.schemaVersion ?? []).toString("hex"));
          assert.deepEqual(versions, ["0000000000000000", "0000000000000001", "0000000000000000"]);
          const fields = await Promise.all(
            receiver.messages.map(async ({ entry }) => {
              const info = await receiver.source.schemas.schema(topic, entry.schemaVersion);
              return String(info?.data).match(/"name":"[ab]"/g)?.length;
            }),
          );
          assert.deepEqual(fields, [1, 2, 1]);
        });

        test("a dead letter keeps payload, key, properties and event time", async () => {
          const topic = broker.topic();
          const letters = broker.topic();
          const metadata = { partitionKey: "k", properties: [{ key: "a", value: "1" }], eventTime: 5 };
          await publisher.single(topic, Buffer.from("bad"), metadata);
          const receiver = start({ topics: [topic] });
          await receiver.received(1);
          const message = receiver.messages[0] as Message;
          await receiver.source.publish(letters, { message, topic, reason: new Map([["reason", "why"]]) });
          const reader = start({ topics: [letters] });
          await reader.received(1);
          const [letter] = reader.messages;
          assert.deepEqual(
            [reader.texts[0], letter?.key, letter?.eventTime, [...(letter?.properties ?? [])].sort()],
            [
              "bad",
              "k",
              5,
              [
                ["a", "1"],
                ["reason", "why"],
              ],
            ],
          );
        });

        test("after the broker was away everything goes on where it was acknowledged", async () => {
          const topic = broker.topic();
          const receiver = start({ topics: [topic], subscription: { name: "outage", type: "Failover" } });
          await receiver.until("it is subscribed", () => receiver.source.state().connected);
          await publisher.batch(topic, numberedMessages(10, 20, 3));
          await receiver.received(10);
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
      });
    }
  });
}
