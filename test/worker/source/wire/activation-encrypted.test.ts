import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { systemClock, type Timer } from "../../../../runtime/clock.ts";
import { createDecryptor } from "../../../../worker/source/encryption/decryptor.ts";
import { createKeyWatch } from "../../../../worker/source/encryption/key-watch.ts";
import type { Decryption } from "../../../../worker/source/options.ts";
import { Compression } from "../../../../worker/source/protocol/compression.ts";
import { createEntryDecoder } from "../../../../worker/source/protocol/entry-decoder.ts";
import { entryMemory } from "../../../../worker/source/protocol/entry-memory.ts";
import { type EntryMetadata, entryMetadata } from "../../../../worker/source/protocol/metadata-codec.ts";
import type { CompressionType } from "../../../../worker/source/source.ts";
import type { Acknowledger } from "../../../../worker/source/wire/acknowledger.ts";
import { createActivation } from "../../../../worker/source/wire/activation.ts";
import type { WireDelivery } from "../../../../worker/source/wire/delivery.ts";
import { nothingIncomplete } from "../../../../worker/source/wire/incomplete.ts";
import { silentLog } from "../../../silent-log.ts";
import { plainBudget } from "../plain-budget.ts";
import { decryption, encryptor, keysOf, rsaKey } from "./encryption.ts";
import { batchPayload, compress } from "./publisher.ts";

const MAX_BYTES = 100_000;
const app = rsaKey();
const other = rsaKey();
const encrypt = encryptor({ app: app.publicKey });

/** What one topic-partition's entries become. */
function scene(options: Decryption | null, ordered = true) {
  const deliveries: WireDelivery[] = [];
  const acks: string[] = [];
  const budget = plainBudget(0);
  const state = {
    now: 0,
    found: 0,
    get free() {
      return budget.free;
    },
  };
  let timers: { callback: () => void; at: number }[] = [];
  const clock = {
    ...systemClock,
    now: () => state.now,
    timer(ms: number, callback: () => void): Timer {
      const timer = { callback, at: state.now + ms };
      timers.push(timer);
      return {
        cancel() {
          timers = timers.filter((each) => each !== timer);
        },
      };
    },
  };
  const recorder: Acknowledger = {
    entry: (_, entry) => void acks.push(`${entry}`),
    through: (_, entry) => void acks.push(`through ${entry}`),
    settle: async () => undefined,
    again: () => undefined,
    end: () => [],
  };
  const decryptor = options === null ? null : createDecryptor(options, clock);
  const onFound = () => {
    state.found += 1;
  };
  const activation = createActivation({
    topic: "persistent://public/default/t",
    epoch: 1,
    ordered,
    answeredAt: () => 0,
    acks: recorder,
    budget,
    decoder: createEntryDecoder({ maxUncompressedBytes: MAX_BYTES, decryptor, memory: entryMemory() }),
    maxUncompressedBytes: MAX_BYTES,
    keyWatch: decryptor === null ? null : createKeyWatch(decryptor, clock, onFound),
    clock,
    log: silentLog,
    incomplete: nothingIncomplete(),
    room: { hasRoom: true, whenRoom: () => undefined, gaveBack: () => undefined },
    stopped: () => false,
    onLate: () => undefined,
    onUnreadable: (error) => assert.fail(String(error)),
    asking: () => true,
    deliver: (delivery) => void deliveries.push(delivery),
  });
  let entries = 0;
  const receive = (metadata: EntryMetadata, payload: Uint8Array): void => {
    const head = entryMetadata.encode({ producerName: "p", sequenceId: 0, publishTime: 1, ...metadata });
    const size = Buffer.alloc(4);
    size.writeUInt32BE(head.length);
    const bytes = Buffer.concat([size, head, payload]);
    const command = { consumerId: 1, ledger: 1, entry: entries++, redeliveryCount: 0, ackSet: null };
    activation.receive(command, bytes, 0, bytes.length, false);
    // Nothing may be left in the socket's memory.
    bytes.fill(0);
  };
  const receiveEncrypted = (plain: Uint8Array, metadata: EntryMetadata = {}): void => {
    const encrypted = encrypt(plain);
    receive({ ...metadata, ...encrypted.metadata }, encrypted.payload);
  };
  const receiveChunks = (whole: Buffer, count: number, metadata: EntryMetadata = {}, uuid = "u"): void => {
    const size = Math.ceil(whole.length / count);
    for (let chunkId = 0; chunkId < count; chunkId++) {
      const head = { ...metadata, uuid, chunkId, numChunks: count, totalChunkSize: whole.length };
      receiveEncrypted(whole.subarray(chunkId * size, (chunkId + 1) * size), head);
    }
  };
  const advance = (ms: number): void => {
    state.now += ms;
    const due = timers.filter(({ at }) => at <= state.now);
    timers = timers.filter(({ at }) => at > state.now);
    for (const { callback } of due) callback();
  };
  const messages = () => deliveries.flatMap((delivery) => delivery.messages);
  const payloads = () => messages().map((message) => Buffer.from(message.payload));
  return { activation, deliveries, acks, state, receive, receiveEncrypted, receiveChunks, advance, messages, payloads };
}

const kinds = fc.constantFrom<CompressionType>("NONE", "LZ4", "ZLIB", "ZSTD", "SNAPPY");
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

function compressed(kind: CompressionType, payload: Buffer): { metadata: EntryMetadata; payload: Buffer } {
  const metadata = { compression: Compression[kind], uncompressedSize: payload.length };
  return { metadata, payload: compress(kind, payload) };
}

describe("decrypting entries", () => {
  test("a message comes out as it went in, whatever its compression", () => {
    fc.assert(
      fc.property(bytes, kinds, fc.string(), (payload, kind, partitionKey) => {
        const { receiveEncrypted, messages } = scene(decryption({ app: app.pem }));
        const packed = compressed(kind, payload);
        receiveEncrypted(packed.payload, { ...packed.metadata, partitionKey, properties: [{ key: "a", value: "b" }] });
        const [message] = messages();
        assert.deepEqual(Buffer.from(message?.payload ?? []), payload);
        assert.deepEqual([message?.key, message?.properties.get("a")], [partitionKey, "b"]);
        assert.deepEqual([message?.entry.encryption, message?.entry.defect], [null, null]);
      }),
    );
  });

  test("a batch is taken apart after it was decrypted and decompressed", () => {
    const batch = fc.array(fc.record({ payload: bytes, partitionKey: fc.string() }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(batch, kinds, (sent, kind) => {
        const { receiveEncrypted, messages, payloads } = scene(decryption({ app: app.pem }));
        const packed = compressed(kind, batchPayload(sent));
        receiveEncrypted(packed.payload, { ...packed.metadata, numMessagesInBatch: sent.length });
        assert.deepEqual(
          payloads(),
          sent.map(({ payload }) => payload),
        );
        assert.deepEqual(
          messages().map(({ key }) => key),
          sent.map(({ partitionKey }) => partitionKey),
        );
        assert.ok(messages().every(({ entry }) => entry.encryption === null && entry.defect === null));
      }),
    );
  });

  test("chunks are decrypted one by one, then assembled, then decompressed", () => {
    fc.assert(
      fc.property(bytes, kinds, fc.integer({ min: 2, max: 6 }), (payload, kind, count) => {
        const { activation, deliveries, acks, receiveChunks, payloads, state } = scene(
          decryption({ app: app.pem }),
          false,
        );
        const packed = compressed(kind, payload);
        receiveChunks(packed.payload, count, packed.metadata);
        assert.deepEqual(payloads(), [payload]);
        assert.equal(deliveries[0]?.messages[0]?.entry.defect, null);
        assert.equal(deliveries[0]?.messages[0]?.entry.encryption, null);
        assert.equal(state.free, -(deliveries[0]?.retainedBytes ?? 0));
        for (const delivery of deliveries) activation.acknowledge(delivery);
        assert.deepEqual(
          acks,
          Array.from({ length: count }, (_, index) => String(index)),
        );
      }),
    );
  });

  test("what is not encrypted is left alone", () => {
    const { receive, payloads } = scene(decryption({ app: app.pem }));
    receive({}, Buffer.from("plain"));
    assert.deepEqual(payloads().map(String), ["plain"]);
  });
});

describe("an entry that cannot be decrypted", () => {
  const batch = batchPayload([{ payload: Buffer.from("a") }, { payload: Buffer.from("b") }]);
  const packed = compressed("ZLIB", batch);
  const metadata: EntryMetadata = { ...packed.metadata, numMessagesInBatch: 2, partitionKey: "k" };

  test("is one poison message with its ciphertext and its encryption (Fail)", () => {
    for (const [keys, code] of [
      [{ b: app.pem }, "EncryptionKeyMissing"],
      [{ app: other.pem }, "DecryptionFailed"],
    ] as const) {
      const { receive, messages } = scene(decryption(keys));
      const encrypted = encrypt(packed.payload);
      receive({ ...metadata, ...encrypted.metadata }, encrypted.payload);
      const [message, ...rest] = messages();
      assert.deepEqual(rest, []);
      assert.equal(message?.entry.defect?.code, code);
      assert.match(message?.entry.defect?.message ?? "", /"app"/);
      assert.deepEqual(Buffer.from(message?.payload ?? []), encrypted.payload);
      const context = message?.entry.encryption;
      assert.deepEqual(context?.keys[0]?.name, "app");
      assert.deepEqual(Buffer.from(context?.param ?? []), Buffer.from(encrypted.metadata.encryptionParam ?? []));
      assert.deepEqual([context?.batchSize, context?.compressionType], [2, "ZLIB"]);
    }
  });

  test("is passed on as it came (Consume), as without keys", () => {
    for (const options of [null, decryption({ b: app.pem }, "Consume"), decryption({ app: other.pem }, "Consume")]) {
      const { receive, messages } = scene(options);
      const encrypted = encrypt(packed.payload);
      receive({ ...metadata, ...encrypted.metadata }, encrypted.payload);
      const [message] = messages();
      assert.equal(message?.entry.defect, null);
      assert.deepEqual(Buffer.from(message?.payload ?? []), encrypted.payload);
      assert.deepEqual([message?.key, message?.entry.encryption?.batchSize], ["k", 2]);
    }
  });

  test("is not mixed up with one that decrypts to something corrupt, which keeps its ciphertext too", () => {
    const { receive, messages } = scene(decryption({ app: app.pem }));
    const encrypted = encrypt(Buffer.from("no batch"));
    receive({ numMessagesInBatch: 5, ...encrypted.metadata }, encrypted.payload);
    const [message] = messages();
    assert.equal(message?.entry.defect?.code, "CorruptEntry");
    assert.deepEqual(Buffer.from(message?.payload ?? []), encrypted.payload);
    assert.equal(message?.entry.encryption?.keys.length, 1);
  });

  test("is not judged while the Secret is missing", () => {
    const { receiveEncrypted, receiveChunks, deliveries } = scene({ keys: keysOf(new Map()), onFailure: "Fail" });
    assert.throws(() => receiveEncrypted(Buffer.from("x")), { code: "SecretMissing" });
    assert.throws(() => receiveChunks(randomBytes(100), 2), { code: "SecretMissing" });
    assert.deepEqual(deliveries, []);
  });

  test("is asked for again when its key comes, if it waits in a shared subscription", () => {
    for (const ordered of [false, true]) {
      const keys = new Map([["b", app.pem]]);
      const { receiveEncrypted, advance, state } = scene({ keys: keysOf(keys), onFailure: "Fail" }, ordered);
      receiveEncrypted(Buffer.from("x"));
      advance(60_000);
      assert.equal(state.found, 0);
      keys.set("app", app.pem);
      advance(60_000);
      assert.equal(state.found, ordered ? 0 : 1);
    }
  });

  test("is not asked for again once it is done, or when no key would mend it", () => {
    const keys = new Map([["b", app.pem]]);
    const done = scene({ keys: keysOf(keys), onFailure: "Fail" }, false);
    done.receiveEncrypted(Buffer.from("x"));
    for (const delivery of done.deliveries) done.activation.acknowledge(delivery);
    keys.set("app", app.pem);
    done.advance(60_000);
    assert.equal(done.state.found, 0);
    const damaged = scene(decryption({ app: app.pem }), false);
    const encrypted = encrypt(Buffer.from("x"));
    damaged.receive(encrypted.metadata, Buffer.alloc(encrypted.payload.length));
    assert.equal(damaged.messages()[0]?.entry.defect?.code, "DecryptionFailed");
    damaged.advance(60_000);
    assert.equal(damaged.state.found, 0);
  });
});

describe("a chunked message that cannot be decrypted", () => {
  const whole = randomBytes(1_000);

  test("becomes one poison message for each chunk, which can be decrypted by itself", () => {
    const { activation, deliveries, acks, receiveChunks, messages, state } = scene(decryption({ b: app.pem }), false);
    receiveChunks(whole, 3);
    const reader = scene(decryption({ app: app.pem }));
    for (const { entry, payload } of messages()) {
      assert.equal(entry.defect?.code, "EncryptionKeyMissing");
      const { keys = [], param } = entry.encryption ?? {};
      const encryptionKeys = keys.map(({ name, key }) => ({ key: name, value: key }));
      reader.receive({ encryptionKeys, encryptionParam: param }, payload);
    }
    assert.deepEqual(Buffer.concat(reader.payloads()), whole);
    for (const delivery of deliveries) activation.acknowledge(delivery);
    assert.deepEqual(acks, ["0", "1", "2"]);
    assert.equal(state.free, -deliveries.reduce((sum, { retainedBytes }) => sum + retainedBytes, 0));
  });

  test("holds back a cumulative acknowledgement until its last chunk is done", () => {
    const { activation, deliveries, acks, receive, receiveEncrypted } = scene(decryption({ b: app.pem }));
    const chunk = (chunkId: number) =>
      receiveEncrypted(whole.subarray(chunkId * 500, chunkId * 500 + 500), {
        ...{ uuid: "u", chunkId, numChunks: 2, totalChunkSize: 1_000 },
      });
    receive({}, Buffer.from("zero"));
    chunk(0);
    receive({}, Buffer.from("two"));
    chunk(1);
    assert.deepEqual(
      deliveries.map(({ messages: [message] }) => message?.id),
      ["1:0:-1", "1:2:-1", "1:1:-1", "1:3:-1"],
    );
    for (const delivery of deliveries) activation.acknowledgeThrough(delivery);
    assert.deepEqual(acks, ["through 0", "through 0", "through 0", "through 3"]);
  });

  test("cannot be passed on as one, whatever onFailure says", () => {
    for (const options of [null, decryption({ b: app.pem }, "Consume")]) {
      const { receiveChunks, messages } = scene(options);
      receiveChunks(whole, 2);
      assert.deepEqual(
        messages().map(({ entry }) => entry.defect?.code),
        ["EncryptionKeyMissing", "EncryptionKeyMissing"],
      );
      assert.match(messages()[0]?.entry.defect?.message ?? "", /encrypted chunk by chunk, and cannot be passed on/);
    }
  });
});
