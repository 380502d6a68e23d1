import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { useBroker } from "./broker-fixture.ts";
import { keysOf, rsaKey } from "./encryption.ts";
import { type JavaProducer, type JavaProduction, largePayload, startJavaProducer } from "./java-producer.ts";
import { useReceivers } from "./receiver.ts";

const LARGE = 12_000_000;
const app = rsaKey();
const audit = rsaKey();
const elliptic = generateKeyPairSync("ec", { namedCurve: "prime256v1" });

describe("messages that the Java client encrypted", { timeout: 900_000 }, () => {
  const broker = useBroker();
  const startReceiver = useReceivers();
  const publicKeys: Record<string, string> = {};
  let folder: string;
  let java: JavaProducer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "public-keys-"));
    for (const [name, key] of Object.entries({
      app: app.publicKey,
      audit: audit.publicKey,
      elliptic: elliptic.publicKey,
    })) {
      const file = join(folder, `${name}.pem`);
      await writeFile(file, key.export({ type: "spki", format: "pem" }));
      publicKeys[name] = file;
    }
  });
  before(async () => {
    java = await startJavaProducer(broker.pulsar.serviceUrl);
  });
  after(async () => {
    await java.close();
    await rm(folder, { recursive: true });
  });

  const produce = (production: Omit<JavaProduction, "publicKeys">, names = ["app", "audit"]) =>
    java.produce({
      ...production,
      publicKeys: Object.fromEntries(names.map((name) => [name, publicKeys[name] ?? ""])),
    });
  const start = (topic: string, keys: Map<string, string>, onFailure: "Fail" | "Consume" = "Fail") =>
    startReceiver({
      serviceUrl: broker.pulsar.serviceUrl,
      topics: [topic],
      decryption: { keys: keysOf(keys), onFailure },
      subscription: { name: "decrypting" },
    });

  for (const [kind, compression] of [
    ["batched", "LZ4"],
    ["batched", "ZSTD"],
    ["by-key", "ZLIB"],
    ["single", "ZLIB"],
    ["batched", "NONE"],
    ["single", "SNAPPY"],
    ["single", "NONE"],
  ] as const) {
    test(`${kind}, compression ${compression}: every message comes out as it was sent`, async () => {
      const topic = broker.topic();
      await produce({ topic, kind, compression, count: 100 });
      const receiver = start(topic, new Map([["audit", audit.pem]]));
      await receiver.received(100);
      const numbers = receiver.messages.map((message) => Number(message.properties.get("number")));
      assert.deepEqual(
        numbers.toSorted((a, b) => a - b),
        Array.from({ length: 100 }, (_, index) => index),
      );
      for (const [index, message] of receiver.messages.entries()) {
        const number = numbers[index] ?? -1;
        assert.equal(Buffer.from(message.payload).toString(), `message ${number} ${"x".repeat(200)}`);
        assert.equal(message.key, `key-${number % 7}`);
        assert.deepEqual([message.entry.encryption, message.entry.defect], [null, null]);
      }
      assert.equal(receiver.deliveries.length < 100, kind !== "single");
    });
  }

  for (const compression of ["NONE", "LZ4"] as const) {
    test(`a chunked message of ${LARGE} bytes, compression ${compression}, comes out whole`, async () => {
      const topic = broker.topic();
      await produce({ topic, kind: "chunked", compression, count: LARGE });
      const receiver = start(topic, new Map([["app", app.pem]]));
      await receiver.received(1);
      const [message] = receiver.messages;
      assert.equal(message?.key, "large");
      assert.ok(largePayload(LARGE).equals(message?.payload ?? Buffer.alloc(0)));
      assert.deepEqual([message?.entry.encryption, message?.entry.defect], [null, null]);
    });
  }

  test("without the key they are poison that names it; when the key comes they are read after all", async () => {
    const topic = broker.topic();
    await produce({ topic, kind: "batched", compression: "LZ4", count: 20 });
    const keys = new Map([["other", audit.pem]]);
    const receiver = start(topic, keys);
    await receiver.received(1);
    const [poison] = receiver.messages;
    assert.equal(poison?.entry.defect?.code, "EncryptionKeyMissing");
    assert.match(poison?.entry.defect?.message ?? "", /any of the keys "(app", "audit|audit", "app)"/);
    assert.equal(poison?.entry.encryption?.keys.length, 2);
    assert.equal(poison?.entry.encryption?.compressionType, "LZ4");
    keys.set("app", app.pem);
    await receiver.received(21);
    assert.ok(receiver.messages.slice(1).every(({ entry }) => entry.defect === null && entry.encryption === null));
  });

  test("while the Secret is missing nothing is read, and the failure says so; it goes on when it is there", async () => {
    const topic = broker.topic();
    await produce({ topic, kind: "single", compression: "NONE", count: 1 });
    const keys = new Map<string, string>();
    const receiver = start(topic, keys);
    await receiver.until("it fails", () => receiver.source.state().failure !== null);
    assert.equal(receiver.source.state().failure?.code, "SecretMissing");
    assert.equal(receiver.messages.length, 0);
    keys.set("app", app.pem);
    await receiver.received(1);
    assert.equal(receiver.messages[0]?.entry.defect, null);
    assert.equal(receiver.source.state().failure, null);
  });

  test("a Secret that vanishes stops the topic rather than making poison of its messages", async () => {
    const topic = broker.topic();
    const keys = new Map([["app", app.pem]]);
    const receiver = start(topic, keys);
    await receiver.until("it is subscribed", () => receiver.source.state().connected);
    keys.clear();
    await produce({ topic, kind: "single", compression: "NONE", count: 3 });
    await receiver.until("it fails", () => receiver.source.state().failure?.code === "SecretMissing");
    keys.set("app", app.pem);
    await receiver.received(3);
    assert.ok(receiver.messages.every(({ entry }) => entry.defect === null));
  });

  test("an elliptic-curve key is refused with its remedy", async () => {
    const topic = broker.topic();
    await produce({ topic, kind: "single", compression: "NONE", count: 1 }, ["elliptic"]);
    const pem = String(elliptic.privateKey.export({ type: "pkcs8", format: "pem" }));
    const receiver = start(topic, new Map([["elliptic", pem]]));
    await receiver.received(1);
    assert.equal(receiver.messages[0]?.entry.defect?.code, "DecryptionFailed");
    assert.match(receiver.messages[0]?.entry.defect?.message ?? "", /"elliptic".*elliptic-curve key.*RSA key/);
  });

  test("a dead letter keeps ciphertext and encryption, so that a reader with the key can read it: whole batches", async () => {
    const topic = broker.topic();
    const dead = broker.topic();
    await produce({ topic, kind: "batched", compression: "LZ4", count: 10 });
    const receiver = start(topic, new Map([["other", app.pem]]));
    await receiver.received(1);
    const [message] = receiver.messages;
    assert.ok(message);
    await receiver.source.publish(dead, { message, topic, reason: new Map([["reason", "because"]]) });
    const reader = start(dead, new Map([["app", app.pem]]));
    await reader.received(10);
    assert.match(reader.texts[0] ?? "", /^message \d /);
  });

  test("a dead letter keeps ciphertext and encryption, so that a reader with the key can read it: chunks", async () => {
    const topic = broker.topic();
    const dead = broker.topic();
    await produce({ topic, kind: "chunked", compression: "NONE", count: LARGE });
    const receiver = start(topic, new Map([["other", app.pem]]));
    await receiver.until("the chunks have come", () => receiver.messages.length >= 3);
    for (const message of receiver.messages) {
      assert.equal(message.entry.defect?.code, "EncryptionKeyMissing");
      await receiver.source.publish(dead, { message, topic, reason: new Map([["reason", "because"]]) });
    }
    const reader = start(dead, new Map([["app", app.pem]]));
    await reader.received(1);
    assert.ok(largePayload(LARGE).equals(reader.messages[0]?.payload ?? Buffer.alloc(0)));
    assert.equal(reader.messages[0]?.properties.get("reason"), "because");
  });
});
