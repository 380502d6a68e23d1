import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../../../runtime/clock.ts";
import { createPool } from "../../../../worker/source/broker/pool.ts";
import { createSchemas } from "../../../../worker/source/broker/schemas.ts";
import { parseServiceUrl } from "../../../../worker/source/broker/service-url.ts";
import type { CompressionType, Message } from "../../../../worker/source/source.ts";
import { adjustableClock } from "../../../clock.ts";
import { silentLog } from "../../../silent-log.ts";
import { useBroker } from "./broker-fixture.ts";
import { type BatchMessage, createPublisher, numberedMessages, type Publisher } from "./publisher.ts";
import { type ReceiverOptions, useReceivers } from "./receiver.ts";

const text = (message: Message | undefined): string => Buffer.from(message?.payload ?? []).toString("utf8");

describe("consuming from a broker", { timeout: 900_000 }, () => {
  const broker = useBroker();
  const startReceiver = useReceivers();
  let publisher: Publisher;
  before(() => {
    publisher = createPublisher(broker.pulsar.serviceUrl);
  });
  after(() => publisher.close());

  test("a message outside a batch has all its parts", async () => {
    const topic = broker.topic();
    await publisher.single(topic, Buffer.from("payload"), {
      partitionKey: "schlüssel",
      orderingKey: Buffer.from("order"),
      eventTime: 1_234,
      properties: [
        { key: "a", value: "1" },
        { key: "b", value: "2" },
        { key: "a", value: "3" },
      ],
    });
    await publisher.single(topic, Buffer.from("bare"));
    const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic] });
    await receiver.received(2);
    const [full, bare] = receiver.messages;
    assert.equal(text(full), "payload");
    assert.equal(full?.key, "schlüssel");
    assert.equal(full?.keyIsBase64, false);
    assert.deepEqual(Buffer.from(full?.orderingKey ?? []), Buffer.from("order"));
    assert.equal(full?.eventTime, 1_234);
    assert.deepEqual(
      [...(full?.properties ?? [])],
      [
        ["a", "3"],
        ["b", "2"],
      ],
    );
    assert.match(full?.id ?? "", /^\d+:0:-1$/);
    assert.ok(Math.abs((full?.entry.publishTime ?? 0) - Date.now()) < 60_000);
    assert.match(full?.entry.producerName ?? "", /^standalone-/);
    assert.equal(full?.entry.schemaVersion, null);
    assert.equal(full?.entry.encryption, null);
    assert.equal(bare?.key, null);
    assert.equal(bare?.eventTime, null);
    assert.equal(bare?.orderingKey, null);
    assert.equal(bare?.properties.size, 0);
  });

  test("a batch is one delivery, in order, with keys, tombstones and what the producer left out", async () => {
    const topic = broker.topic();
    const payload = Buffer.from("x");
    const messages: BatchMessage[] = [
      { payload, partitionKey: "a", properties: [{ key: "n", value: "1" }], eventTime: 99 },
      { payload: Buffer.alloc(0), partitionKey: "a", nullValue: true },
      { payload, partitionKey: "YQ==", partitionKeyB64Encoded: true, orderingKey: Buffer.from([0, 255]) },
      { payload, partitionKey: "unused", nullPartitionKey: true },
      { payload, compactedOut: true, partitionKey: "gone" },
      { payload, partitionKey: "" },
    ];
    await publisher.batch(topic, messages);
    await publisher.batch(topic, [{ payload: Buffer.from("alone") }]);
    const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic] });
    await receiver.received(6);
    assert.equal(receiver.deliveries.length, 2);
    assert.deepEqual(
      receiver.messages.map((message) => message.key),
      ["a", "a", "YQ==", null, "", null],
    );
    assert.deepEqual(
      receiver.messages.map((message) => message.id.split(":").at(-1)),
      ["0", "1", "2", "3", "5", "0"],
    );
    const [first, tombstone, base64] = receiver.messages;
    assert.deepEqual([first?.eventTime, first?.isNull, [...(first?.properties ?? [])]], [99, false, [["n", "1"]]]);
    assert.deepEqual([tombstone?.isNull, tombstone?.payload.length, tombstone?.eventTime], [true, 0, null]);
    assert.equal(base64?.keyIsBase64, true);
    assert.deepEqual([...(base64?.orderingKey ?? [])], [0, 255]);
  });

  for (const kind of ["LZ4", "ZLIB", "ZSTD", "SNAPPY"] satisfies CompressionType[]) {
    test(`${kind} is decompressed, in batches and alone`, async () => {
      const topic = broker.topic();
      await publisher.batch(topic, numberedMessages(300, 200, 10), {}, kind);
      await publisher.single(topic, Buffer.from("single ".repeat(50)), { partitionKey: "k" }, kind);
      const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic] });
      await receiver.received(301);
      assert.deepEqual(
        receiver.texts.slice(0, 300).map(Number.parseFloat),
        Array.from({ length: 300 }, (_, i) => i),
      );
      assert.equal(text(receiver.messages[300]), "single ".repeat(50));
      assert.equal(receiver.messages[300]?.key, "k");
      assert.ok(receiver.messages.every((message) => message.entry.defect === null));
      await receiver.source.close();
    });
  }

  test("an entry that does not decompress as promised is one message with its raw bytes and a defect", async () => {
    const topic = broker.topic();
    await publisher.single(topic, Buffer.from("no zlib"), { compression: 2, uncompressedSize: 100, partitionKey: "k" });
    await publisher.single(topic, Buffer.from("short"), { numMessagesInBatch: 5 });
    await publisher.single(topic, Buffer.from("bomb"), { compression: 3, uncompressedSize: 2 ** 31 });
    await publisher.single(topic, Buffer.from("sound"));
    const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic] });
    await receiver.received(4);
    assert.deepEqual(receiver.texts, ["no zlib", "short", "bomb", "sound"]);
    const defects = receiver.messages.map((message) => message.entry.defect?.message ?? null);
    assert.match(defects[0] ?? "", /does not decompress/);
    assert.match(defects[1] ?? "", /batch/);
    assert.match(defects[2] ?? "", /2147483648 bytes uncompressed/);
    assert.equal(defects[3], null);
    assert.equal(receiver.messages[0]?.key, "k");
  });

  test("an encrypted entry is passed on as it is, with its encryption context", async () => {
    const topic = broker.topic();
    const encrypted = {
      encryptionKeys: [{ key: "main", value: Buffer.from([1, 2]), metadata: [{ key: "kind", value: "rsa" }] }],
      encryptionAlgo: "AES/GCM",
      encryptionParam: Buffer.from([9]),
      compression: 1,
      uncompressedSize: 77,
      numMessagesInBatch: 3,
    };
    await publisher.single(topic, Buffer.from("cipher"), encrypted);
    const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic] });
    await receiver.received(1);
    const [message] = receiver.messages;
    assert.equal(text(message), "cipher");
    const context = message?.entry.encryption;
    assert.deepEqual(
      context?.keys.map(({ name, key, metadata }) => [name, [...key], [...metadata]]),
      [["main", [1, 2], [["kind", "rsa"]]]],
    );
    assert.deepEqual([...(context?.param ?? [])], [9]);
    assert.deepEqual(
      [context?.algorithm, context?.compressionType, context?.uncompressedMessageSize, context?.batchSize],
      ["AES/GCM", "LZ4", 77, 3],
    );
  });

  test("a chunked message arrives whole, and every chunk is acknowledged", async () => {
    const topic = broker.topic();
    const large = randomBytes(12 * 1024 * 1024);
    await publisher.single(topic, Buffer.from("before"));
    await publisher.single(topic, large, { partitionKey: "large" });
    await publisher.single(topic, Buffer.from("after"));
    const receiver = startReceiver({
      serviceUrl: broker.pulsar.serviceUrl,
      topics: [topic],
      subscription: { name: "chunks" },
      acknowledge: true,
    });
    await receiver.received(3);
    assert.equal(receiver.messages[1]?.key, "large");
    assert.ok(large.equals(receiver.messages[1]?.payload ?? Buffer.alloc(0)));
    assert.match(receiver.messages[1]?.id ?? "", /:3:-1$/);
    assert.equal(receiver.free, 64 * 1024 * 1024);
    await receiver.source.flush(AbortSignal.timeout(60_000));
    const stats = (await broker.admin("GET", `${topic.replace("://", "/")}/stats`)) as {
      subscriptions: { chunks: { msgBacklog: number; unackedMessages: number } };
    };
    assert.deepEqual([stats.subscriptions.chunks.msgBacklog, stats.subscriptions.chunks.unackedMessages], [0, 0]);
  });

  test("a chunked message larger than the whole budget arrives, since its chunks do not wait for memory of their own", async () => {
    const topic = broker.topic();
    const large = randomBytes(12 * 1024 * 1024);
    await publisher.single(topic, large);
    const options = { receiverQueueSize: 1, budgetBytes: 1_000_000, subscription: { type: "Exclusive" } } as const;
    const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic], ...options });
    await receiver.received(1);
    assert.ok(large.equals(receiver.messages[0]?.payload ?? Buffer.alloc(0)));
  });

  test("schemas come from the broker, by the version in the message", async () => {
    const topic = broker.topic();
    const record = (fields: string): Buffer =>
      Buffer.from(`{"type":"record","name":"R","fields":[{"name":"a","type":"int"}${fields}]}`);
    const info = (data: Buffer) => ({ type: "AVRO", data, properties: new Map([["p", "v"]]) });
    const first = await publisher.registerSchema(topic, info(record("")));
    const optional = ',{"name":"b","type":["null","int"],"default":null}';
    const second = await publisher.registerSchema(topic, info(record(optional)));
    await publisher.single(topic, Buffer.from([2]), { schemaVersion: first });
    await publisher.batch(topic, [{ payload: Buffer.from([2, 0]) }], { schemaVersion: second });
    const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic] });
    await receiver.received(2);
    const versions = receiver.messages.map((message) => message.entry.schemaVersion);
    assert.deepEqual(
      versions.map((version) => [...(version ?? [])].at(-1)),
      [0, 1],
    );
    const { schemas } = receiver.source;
    const [old, latest] = await Promise.all([schemas.schema(topic, versions[0] ?? null), schemas.schema(topic, null)]);
    assert.equal(old?.type, "AVRO");
    assert.ok(record("").equals(old?.data ?? Buffer.alloc(0)));
    assert.equal(old?.properties.get("p"), "v");
    assert.ok(record(optional).equals(latest?.data ?? Buffer.alloc(0)));
    assert.equal(await schemas.schema(broker.topic(), null), null);
  });

  test("a version that names another schema, since schemas were deleted, is known as that a minute later", async (t) => {
    const topic = broker.topic();
    const info = (name: string) => {
      const data = Buffer.from(`{"type":"record","name":"R","fields":[{"name":"${name}","type":"int"}]}`);
      return { type: "AVRO", data, properties: new Map<string, string>() };
    };
    const { serviceUrl } = broker.pulsar;
    const receiver = startReceiver({ serviceUrl, topics: [topic] });
    await receiver.until("it is subscribed", () => receiver.source.state().connected);
    const first = await publisher.registerSchema(topic, info("a"));
    // Connections keep the time themselves.
    const closing = new AbortController();
    t.after(() => closing.abort());
    const shared = { log: silentLog, signal: closing.signal };
    const access = { tls: {}, authentication: null, congested: () => false };
    const pool = createPool({ hosts: parseServiceUrl(serviceUrl), ...access, ...shared, clock: systemClock });
    t.after(() => pool.close());
    const clock = adjustableClock();
    const schemas = createSchemas(pool, { ...shared, clock });
    const known = await schemas.schema(topic, first);
    assert.deepEqual(known?.data, info("a").data);
    await broker.admin("DELETE", `schemas/${topic.replace("persistent://", "")}/schema?force=true`);
    clock.advance(60_000);
    assert.equal(await schemas.schema(topic, first), known, "what came with it may still be there");
    const second = await publisher.registerSchema(topic, info("b"));
    assert.deepEqual(second, first);
    clock.advance(60_000);
    assert.deepEqual((await schemas.schema(topic, second))?.data, info("b").data);
    assert.equal(receiver.assignments.length, 1, "the consumer stayed connected");
  });

  test("a dead letter keeps payload, key, properties and schema, and says why", async () => {
    const topic = broker.topic();
    const dead = broker.topic();
    const version = await publisher.registerSchema(topic, {
      type: "STRING",
      data: Buffer.alloc(0),
      properties: new Map(),
    });
    await publisher.single(topic, Buffer.from("bad"), {
      schemaVersion: version,
      partitionKey: "k",
      eventTime: 2n ** 64n - 1n,
      properties: [{ key: "own", value: "1" }],
    });
    const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic] });
    await receiver.received(1);
    const [message] = receiver.messages;
    assert.ok(message);
    await receiver.source.publish(dead, { message, topic, reason: new Map([["reason", "because"]]) });
    const reader = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [dead] });
    await reader.received(1);
    const [letter] = reader.messages;
    assert.equal(text(letter), "bad");
    assert.deepEqual([letter?.key, letter?.eventTime], ["k", 2n ** 64n - 1n]);
    assert.deepEqual(
      [...(letter?.properties ?? [])],
      [
        ["own", "1"],
        ["reason", "because"],
      ],
    );
    const schema = await reader.source.schemas.schema(dead, letter?.entry.schemaVersion ?? null);
    assert.equal(schema?.type, "STRING");
  });

  test("a dead letter fits into the broker's frames whatever room its properties take, or is refused without a frame", async () => {
    const topic = broker.topic();
    const dead = broker.topic();
    const value = "v".repeat(40_000);
    const payload = Buffer.alloc(5 * 1024 * 1024 - 20_000, "x");
    await publisher.single(topic, payload, { properties: [{ key: "own", value }] }, "ZSTD");
    const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic] });
    await receiver.received(1);
    const [message] = receiver.messages;
    assert.ok(message);
    await receiver.source.publish(dead, { message, topic, reason: new Map([["reason", "because"]]) });
    const [assignment] = receiver.assignments;
    const reason = new Map([["reason", "y".repeat(6 * 1024 * 1024)]]);
    await assert.rejects(receiver.source.publish(dead, { message, topic, reason }), /properties.*take \d+ bytes/);
    assert.equal(assignment?.active, true);
    const reader = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [dead] });
    await reader.received(1);
    assert.ok(payload.equals(reader.messages[0]?.payload ?? Buffer.alloc(0)));
    assert.equal(reader.messages[0]?.properties.get("own"), value);
  });

  test("failures say what failed and what to do", async () => {
    const topic = broker.topic();
    const failureOf = async (options: Partial<ReceiverOptions>) => {
      const receiver = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, ...options });
      await receiver.until("it fails", () => receiver.source.state().failure !== null);
      const { failure, connected } = receiver.source.state();
      assert.equal(connected, false);
      await receiver.source.close();
      return failure;
    };
    const namespace = await failureOf({ topics: ["persistent://public/missing/t"] });
    assert.equal(namespace?.code, "NamespaceNotFound", namespace?.message);
    const below = await failureOf({ topicsPattern: "persistent://public/missing/.*" });
    assert.equal(below?.code, "NamespaceNotFound", below?.message);
    const unreachable = await failureOf({ topics: [topic], serviceUrl: "pulsar://127.0.0.1:1" });
    assert.equal(unreachable?.code, "BrokerUnreachable");
    assert.match(unreachable?.message ?? "", /127\.0\.0\.1:1 .*serviceUrl/);
    const subscription = { name: "busy", type: "Exclusive" } as const;
    const holder = startReceiver({ serviceUrl: broker.pulsar.serviceUrl, topics: [topic], subscription });
    await holder.until("it is subscribed", () => holder.source.state().connected);
    const busy = await failureOf({ topics: [topic], subscription });
    assert.equal(busy?.code, "SubscriptionBusy", busy?.message);
    await holder.source.close();
    await broker.admin("PUT", "namespaces/public/strict");
    await broker.admin("POST", "namespaces/public/strict/autoTopicCreation", { allowAutoTopicCreation: false });
    const missing = await failureOf({ topics: ["persistent://public/strict/t"] });
    assert.equal(missing?.code, "TopicNotFound", missing?.message);
  });

  test("of several hosts in the service URL one that answers is enough", async () => {
    const topic = broker.topic();
    await publisher.single(topic, Buffer.from("1"));
    const serviceUrl = `pulsar://127.0.0.1:1,127.0.0.1:${broker.pulsar.ports.broker}`;
    const receiver = startReceiver({ serviceUrl, topics: [topic] });
    await receiver.received(1);
  });
});
