import assert from "node:assert/strict";
import { after, test } from "node:test";
import { useBroker } from "./broker-fixture.ts";
import { batchPayload, createPublisher, numberedMessages, type Publisher } from "./publisher.ts";
import { useReceivers } from "./receiver.ts";

const broker = useBroker();
const startReceiver = useReceivers();
let publisher: Publisher | null = null;
after(() => publisher?.close());

/** In Shared the broker itself holds an entry back after several of these. */
const COUNTS = { Failover: [0, -1, -5_000, 2_000_000_000], Shared: [2_000_000_000] } as const;

for (const type of ["Failover", "Shared"] as const) {
  test(`messages flow on after entries that say that they hold what no batch can (${type})`, async () => {
    publisher ??= createPublisher(broker.pulsar.serviceUrl);
    const topic = broker.topic();
    const counts = COUNTS[type];
    await publisher.single(topic, Buffer.from("first"));
    for (const numMessagesInBatch of counts) await publisher.single(topic, Buffer.from("lie"), { numMessagesInBatch });
    for (let index = 0; index < 50; index++) await publisher.single(topic, Buffer.from(`after ${index}`));
    const { serviceUrl } = broker.pulsar;
    const options = { subscription: { type }, receiverQueueSize: 10, acknowledge: true };
    const receiver = startReceiver({ serviceUrl, topics: [topic], ...options });
    await receiver.received(51 + counts.length);
    const defects = receiver.messages.filter(({ entry }) => entry.defect !== null);
    assert.deepEqual(
      defects.map(({ entry }) => /holds (-?\d+) messages/.exec(entry.defect?.message ?? "")?.[1]),
      counts.map(String),
    );
    assert.equal(receiver.assignments.length, 1);
  });

  test(`a batch of 200,000 messages comes in parts, is acknowledged, and nothing of it comes again (${type})`, async () => {
    publisher ??= createPublisher(broker.pulsar.serviceUrl);
    const topic = broker.topic();
    const payload = batchPayload(numberedMessages(2_000, 10, 2))
      .toString("latin1")
      .repeat(100);
    const batch = numberedMessages(1, 10, 1);
    await publisher.batch(topic, batch);
    await publisher.single(topic, Buffer.from(payload, "latin1"), { numMessagesInBatch: 200_000 }, "ZLIB");
    await publisher.batch(topic, batch);
    const { serviceUrl } = broker.pulsar;
    const options = { serviceUrl, topics: [topic], acknowledge: true, subscription: { type, name: "s" } };
    const receiver = startReceiver(options);
    await receiver.received(200_002);
    await receiver.source.flush(AbortSignal.timeout(60_000));
    await receiver.source.close();
    await publisher.batch(topic, batch);
    const again = startReceiver(options);
    await again.received(1);
    assert.deepEqual([receiver.messages.length, again.messages.length], [200_002, 1]);
  });
}
