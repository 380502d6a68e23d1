import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createPulsarAdmin } from "../../../worker/pulsar-admin.ts";
import type { Decryption } from "../../../worker/source/options.ts";
import type { Message } from "../../../worker/source/source.ts";
import { type TestedClient, testedClients } from "./clients.ts";
import { useBroker } from "./wire/broker-fixture.ts";
import { decryption, encryptor, keysOf, rsaKey } from "./wire/encryption.ts";
import {
  type BatchMessage,
  batchPayload,
  compress,
  createPublisher,
  numberedMessages,
  type Publisher,
} from "./wire/publisher.ts";
import { useReceivers } from "./wire/receiver.ts";

const [wire, native] = await testedClients();
const payload = Buffer.from("x");
const app = rsaKey();
const audit = rsaKey();

/** All that a format may use of a message, as plain values. */
function plain(message: Message) {
  const { entry } = message;
  return {
    id: message.id,
    payload: Buffer.from(message.payload).toString("latin1"),
    key: message.key,
    keyIsBase64: message.keyIsBase64,
    orderingKey: message.orderingKey && Buffer.from(message.orderingKey).toString("latin1"),
    properties: [...message.properties].sort(([a], [b]) => (a < b ? -1 : 1)),
    eventTime: message.eventTime,
    isNull: message.isNull,
    publishTime: entry.publishTime,
    producerName: entry.producerName,
    schemaVersion: entry.schemaVersion && Buffer.from(entry.schemaVersion).toString("hex"),
    encryption: entry.encryption && {
      ...entry.encryption,
      keys: entry.encryption.keys.map(({ name, key, metadata }) => [name, [...key], [...metadata]]),
      param: [...entry.encryption.param],
    },
    defect: entry.defect,
  };
}

// So that it counts as a skipped test.
if (native.skip !== false) test("the native client", { skip: native.skip }, () => undefined);

describe("the messages that both clients read", { timeout: 200_000, skip: native.skip }, () => {
  const broker = useBroker();
  const receivers = {
    Wire: useReceivers(wire.create),
    Native: useReceivers((options) =>
      native.create({
        ...options,
        admin: createPulsarAdmin(broker.pulsar.adminUrl, { authentication: null, tls: {} }),
      }),
    ),
  };
  let publisher: Publisher;
  before(() => {
    publisher = createPublisher(broker.pulsar.serviceUrl);
  });
  after(() => publisher.close());

  const read = async ({ name }: TestedClient, topic: string, count: number, keys: Decryption | null = null) => {
    const receiver = receivers[name]({
      serviceUrl: broker.pulsar.serviceUrl,
      topics: [topic],
      subscription: { name },
      decryption: keys,
    });
    await receiver.received(count);
    await receiver.source.close();
    return receiver;
  };
  const agree = async (topic: string, count: number, keys: Decryption | null = null) => {
    const expected = (await read(wire, topic, count, keys)).messages.map(plain);
    assert.equal(expected.length, count);
    assert.deepEqual((await read(native, topic, count, keys)).messages.map(plain), expected);
    return expected;
  };

  test("agree on every part, in batches and alone", async () => {
    const topic = broker.topic();
    const parts = { partitionKey: "schlüssel", eventTime: 1_234, orderingKey: Buffer.from("order") };
    const properties = [
      { key: "b", value: "2" },
      { key: "7", value: "ü" },
      { key: "a", value: "" },
    ];
    await publisher.single(topic, Buffer.from([0, 255, 1]), { ...parts, properties });
    await publisher.single(topic, Buffer.from("bare"));
    await publisher.single(topic, Buffer.alloc(0));
    await publisher.batch(topic, [
      { payload, ...parts, properties },
      { payload },
      { payload: Buffer.alloc(0), partitionKey: "k" },
    ]);
    await publisher.batch(topic, [{ payload: Buffer.from("alone") }]);
    await agree(topic, 7);
  });

  for (const kind of ["NONE", "LZ4", "ZLIB", "ZSTD", "SNAPPY"] as const) {
    test(`agree on ${kind}`, async () => {
      const topic = broker.topic();
      await publisher.batch(topic, numberedMessages(1_300, 200, 10), {}, kind);
      await publisher.single(topic, Buffer.from("single ".repeat(50)), { partitionKey: "k" }, kind);
      await agree(topic, 1_301);
    });
  }

  test("agree on partitions", async () => {
    const topic = broker.topic();
    await broker.admin("PUT", `${topic.replace("://", "/")}/partitions`, 3);
    await publisher.batch(`${topic}-partition-2`, numberedMessages(3, 20, 2));
    await publisher.single(`${topic}-partition-2`, payload);
    const [first] = await agree(topic, 4);
    assert.match(first?.id ?? "", /^\d+:0:2:0$/);
  });

  test("agree on chunked messages", async () => {
    const topic = broker.topic();
    const whole = Buffer.alloc(30_000, "0123456789");
    for (let chunkId = 0; chunkId < 3; chunkId++) {
      const chunk = { uuid: "u", numChunks: 3, totalChunkSize: whole.length, chunkId };
      await publisher.single(topic, whole.subarray(chunkId * 10_000, (chunkId + 1) * 10_000), {
        ...chunk,
        partitionKey: "k",
      });
    }
    await publisher.single(topic, Buffer.from("after"));
    const [chunked] = await agree(topic, 2);
    assert.equal(chunked?.payload.length, 30_000);
  });

  test("agree on what is encrypted and not decrypted", async () => {
    const topic = broker.topic();
    const encrypted = {
      encryptionKeys: [{ key: "main", value: Buffer.from([1, 2]), metadata: [{ key: "kind", value: "rsa" }] }],
      encryptionAlgo: "AES/GCM",
      encryptionParam: Buffer.from([9]),
      compression: 1,
      uncompressedSize: 77,
    };
    await publisher.single(topic, Buffer.from("cipher"), { ...encrypted, partitionKey: "k" });
    await publisher.single(topic, Buffer.from("batch"), { ...encrypted, numMessagesInBatch: 3 });
    await agree(topic, 2);
  });

  /** A batch, a compressed batch and a message alone, encrypted for `app`; then one that is not encrypted. */
  const publishEncrypted = async (topic: string): Promise<void> => {
    const encrypt = encryptor({ audit: audit.publicKey, app: app.publicKey });
    const batch = batchPayload(numberedMessages(5, 20, 3));
    for (const kind of ["NONE", "LZ4"] as const) {
      const { metadata, payload: cipher } = encrypt(compress(kind, batch));
      const head = { compression: kind === "LZ4" ? 1 : 0, uncompressedSize: batch.length, numMessagesInBatch: 5 };
      await publisher.single(topic, cipher, { ...metadata, ...head });
    }
    const { metadata, payload: cipher } = encrypt(Buffer.from("single"));
    await publisher.single(topic, cipher, { ...metadata, partitionKey: "k", uncompressedSize: 6 });
    await publisher.single(topic, Buffer.from("plain"));
  };

  test("agree on what is decrypted", async () => {
    const topic = broker.topic();
    await publishEncrypted(topic);
    const messages = await agree(topic, 12, decryption({ app: app.pem }));
    assert.ok(messages.every((message) => message.encryption === null && message.defect === null));
    assert.deepEqual(
      [messages.at(-2)?.payload, messages.at(-2)?.key, messages.at(-1)?.payload],
      ["single", "k", "plain"],
    );
  });

  for (const [what, keys, code] of [
    ["a key that is missing", { other: app.pem }, "EncryptionKeyMissing"],
    ["a key that does not do", { app: audit.pem }, "DecryptionFailed"],
  ] as const) {
    test(`agree on ${what}, poison or passed on`, async () => {
      const topic = broker.topic();
      await publishEncrypted(topic);
      const poison = await agree(topic, 4, decryption(keys));
      assert.deepEqual(
        poison.map(({ defect }) => defect?.code ?? null),
        [code, code, code, null],
      );
      const passed = await agree(topic, 4, decryption(keys, "Consume"));
      assert.deepEqual(
        passed.map(({ defect, encryption }) => [defect, encryption !== null]),
        [
          [null, true],
          [null, true],
          [null, true],
          [null, false],
        ],
      );
    });
  }

  for (const { name } of [wire, native]) {
    test(`the ${name} client reads what lacked a key again when the key comes`, async () => {
      const topic = broker.topic();
      await publishEncrypted(topic);
      const keys = new Map<string, string>();
      const receiver = receivers[name]({
        serviceUrl: broker.pulsar.serviceUrl,
        topics: [topic],
        subscription: { name: "keys" },
        decryption: { keys: keysOf(keys), onFailure: "Fail" },
      });
      await receiver.until("the Secret is missed", () => receiver.source.state().failure?.code === "SecretMissing");
      assert.equal(receiver.messages.length, 0);
      keys.set("other", app.pem);
      await receiver.received(4);
      assert.equal(receiver.messages[0]?.entry.defect?.code, "EncryptionKeyMissing");
      keys.set("app", app.pem);
      await receiver.until("they came again", () =>
        receiver.messages.slice(4).some((message) => Buffer.from(message.payload).toString() === "single"),
      );
      assert.equal(receiver.source.state().failure, null);
    });
  }

  test("agree on schema versions", async () => {
    const topic = broker.topic();
    const schema = (...names: string[]) => ({
      type: "AVRO",
      data: Buffer.from(
        JSON.stringify({
          type: "record",
          name: "Order",
          fields: names.map((name) => ({ name, type: ["null", "string"], default: null })),
        }),
      ),
      properties: new Map<string, string>(),
    });
    await publisher.single(topic, Buffer.from("none yet"));
    const versions = [
      await publisher.registerSchema(topic, schema("a")),
      await publisher.registerSchema(topic, schema("a", "b")),
    ];
    for (const schemaVersion of versions) await publisher.batch(topic, [{ payload }, { payload }], { schemaVersion });
    for (const schemaVersion of versions) await publisher.single(topic, payload, { schemaVersion });
    const messages = await agree(topic, 7);
    assert.deepEqual(new Set(messages.map((message) => message.schemaVersion)).size, 3);
  });

  test("agree on separated keys", async () => {
    const topic = broker.topic();
    const string = { name: "", schema: "", type: "STRING", properties: {} };
    const info = {
      type: "KEY_VALUE",
      data: Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]),
      properties: new Map([
        ["kv.encoding.type", "SEPARATED"],
        ["key.schema.type", string.type],
        ["value.schema.type", string.type],
        ["key.schema.name", "k"],
        ["value.schema.name", "v"],
        ["key.schema.properties", "{}"],
        ["value.schema.properties", "{}"],
      ]),
    };
    const schemaVersion = await publisher.registerSchema(topic, info);
    const message = { partitionKey: Buffer.from([1, 2, 255]).toString("base64"), partitionKeyB64Encoded: true };
    await publisher.single(topic, payload, { ...message, schemaVersion });
    await publisher.batch(topic, [{ payload, ...message }], { schemaVersion });
    await agree(topic, 2);
  });

  test("agree on how often a message was sent before", async () => {
    const topic = broker.topic();
    await publisher.batch(topic, numberedMessages(3, 20, 2));
    const counts: Record<string, number[]> = {};
    for (const client of [wire, native]) {
      const rounds = counts[client.name] ?? [];
      counts[client.name] = rounds;
      for (let round = 0; round < 3; round++) {
        const receiver = await read(client, topic, 3);
        rounds.push(receiver.deliveries[0]?.redeliveryCount ?? -1);
      }
    }
    assert.deepEqual(counts["Native"], counts["Wire"]);
  });

  test("differ in what pulsar-client does not tell", async () => {
    const topic = broker.topic();
    const messages: BatchMessage[] = [
      { payload: Buffer.alloc(0), partitionKey: "a", nullValue: true },
      { payload, partitionKey: "YQ==", partitionKeyB64Encoded: true },
      { payload, partitionKey: "" },
      { payload, orderingKey: Buffer.from([200]) },
      { payload, partitionKey: "before\0after" },
      { payload, partitionKey: "unused", nullPartitionKey: true },
    ];
    await publisher.batch(topic, messages);
    const expected = (await read(wire, topic, messages.length)).messages.map(plain);
    const [tombstone, base64, empty, binary, nul, unset] = expected;
    assert.ok(tombstone && base64 && empty && binary && nul && unset);
    assert.deepEqual((await read(native, topic, messages.length)).messages.map(plain), [
      { ...tombstone, isNull: false },
      { ...base64, keyIsBase64: false },
      { ...empty, key: null },
      { ...binary, orderingKey: Buffer.from("\ufffd").toString("latin1") },
      { ...nul, key: "before" },
      { ...unset, key: "unused" },
    ]);
  });

  test("differ in a property named length, which pulsar-client cannot read", async () => {
    const topic = broker.topic();
    for (const value of ["5", "12 cm"]) {
      await publisher.single(topic, payload, {
        properties: [
          { key: "length", value },
          { key: "a", value: "1" },
        ],
      });
    }
    const expected = (await read(wire, topic, 2)).messages.map(({ properties }) => properties.get("length"));
    assert.deepEqual(expected, ["5", "12 cm"]);
    for (const message of (await read(native, topic, 2)).messages) {
      assert.throws(() => message.properties, /named "length": set spec.pulsar.client to Wire/);
      assert.equal(message.properties.size, 0);
    }
  });
});
