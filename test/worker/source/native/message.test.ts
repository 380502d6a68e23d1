import assert from "node:assert/strict";
import { test } from "node:test";
import { readMessages } from "../../../../worker/source/native/message.ts";
import { batchPart, nativeMessage, scriptedMessageIds } from "./script.ts";

const module = { MessageId: scriptedMessageIds };

test("a message has its parts, and those that are not set are null", () => {
  const parts = {
    getPartitionKey: () => "k",
    getOrderingKey: () => "o",
    getEventTimestamp: () => 9,
    getProperties: () => ({ a: "1" }),
  };
  const { messages } = readMessages([nativeMessage(6, null, parts), nativeMessage(7, { index: 0, size: 1 })], null);
  assert.deepEqual(
    messages.map((message) => [
      message.id,
      message.key,
      message.orderingKey && Buffer.from(message.orderingKey).toString(),
      message.eventTime,
      [...message.properties],
    ]),
    [
      ["5:6:0", "k", "o", 9, [["a", "1"]]],
      ["5:7:0:0", null, null, null, []],
    ],
  );
  assert.deepEqual([messages[0]?.entry.publishTime, messages[0]?.entry.producerName], [7, "p"]);
});

test("each accessor is called once at most, and only when it is needed", () => {
  const calls = new Map<string, number>();
  const counted = new Proxy(nativeMessage(6), {
    get(target, name) {
      calls.set(String(name), (calls.get(String(name)) ?? 0) + 1);
      return Reflect.get(target, name);
    },
  });
  const [message] = readMessages([counted], null).messages;
  assert.ok(message);
  const atOnce = [
    "getData",
    "getEncryptionContext",
    "getMessageId",
    "getPartitionKey",
    "getProducerName",
    "getPublishTimestamp",
  ];
  assert.deepEqual([...calls.keys()].sort(), atOnce);
  for (let time = 0; time < 2; time++) {
    void [message.id, message.key, message.payload, message.properties, message.orderingKey, message.eventTime];
  }
  assert.deepEqual(new Set(calls.values()), new Set([1]));
});

test("a chunked message is named by its last chunk", () => {
  const id = { toString: () => "(5,6,0,-1);(5,8,0,-1)", serialize: () => Buffer.alloc(0) };
  const [message] = readMessages([nativeMessage(6, null, { getMessageId: () => id })], null).messages;
  assert.equal(message?.id, "5:8:0");
});

test("an entry is acknowledged whole, by one id, when all its messages came and are done", () => {
  const first = readMessages(batchPart(6, 5, 0, 2), null);
  const [{ entry } = assert.fail()] = first.pieces;
  assert.equal(first.open, entry);
  entry.done += 2;
  assert.equal(entry.acknowledgement(module), null);
  const second = readMessages([...batchPart(6, 5, 2, 5), nativeMessage(7)], first.open);
  assert.deepEqual(
    second.pieces.map(({ count }) => count),
    [3, 1],
  );
  assert.equal(second.pieces[0]?.entry, entry);
  assert.equal(second.open, null);
  entry.done += 3;
  // Ledger 5, entry 6, partition 0, and no batch index.
  assert.equal(entry.acknowledgement(module)?.toString(), "080510061800");
  assert.equal(entry.acknowledgement(module), null);
});

test("a message outside a batch is acknowledged by its own id", () => {
  const [{ entry } = assert.fail()] = readMessages([nativeMessage(6)], null).pieces;
  entry.done += 1;
  assert.equal(entry.acknowledgement(module)?.toString(), "(5,6,0,-1)");
});

test("an entry that was cut off by a lost connection is not acknowledged, and begins anew when it comes again", () => {
  const cut = readMessages(batchPart(6, 5, 0, 3), null);
  const [{ entry: old } = assert.fail()] = cut.pieces;
  old.done += 3;
  const other = readMessages([...batchPart(9, 2, 0, 2), ...batchPart(6, 5, 0, 5)], cut.open);
  assert.equal(old.acknowledgement(module), null);
  const again = other.pieces[1]?.entry;
  assert.ok(again && again !== old);
  again.done += 5;
  assert.ok(again.acknowledgement(module));
});

test("messages that were acknowledged earlier are left out within a batch, which is complete all the same", () => {
  const [zero, , two] = batchPart(6, 4, 0, 3);
  assert.ok(zero && two);
  const { pieces } = readMessages([zero, two, nativeMessage(7)], null);
  const [{ entry } = assert.fail()] = pieces;
  entry.done += 2;
  assert.ok(entry.acknowledgement(module));
});

test("the encryption of what was decrypted is not told", () => {
  const context = {
    keys: [{ key: "main", value: Buffer.from([1]), metadata: { kind: "rsa" } }],
    param: Buffer.from([9]),
    algorithm: "",
    compressionType: "ZSTD",
    uncompressedMessageSize: 7,
    batchSize: 0,
    isDecryptionFailed: true,
  };
  const encryption = (isDecryptionFailed: boolean) =>
    readMessages([nativeMessage(6, null, { getEncryptionContext: () => ({ ...context, isDecryptionFailed }) })], null)
      .messages[0]?.entry.encryption;
  assert.equal(encryption(false), null);
  assert.deepEqual(encryption(true), {
    keys: [{ name: "main", key: Buffer.from([1]), metadata: new Map([["kind", "rsa"]]) }],
    param: Buffer.from([9]),
    algorithm: null,
    compressionType: "ZSTD",
    uncompressedMessageSize: 7,
    batchSize: null,
  });
});
