import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateSync } from "node:zlib";
import { crc32c } from "@node-rs/crc32";
import fc from "fast-check";
import { createFormat } from "../../../../worker/format/create.ts";
import { Compression } from "../../../../worker/source/protocol/compression.ts";
import type { DecodedEntry } from "../../../../worker/source/protocol/decoded-entry.ts";
import { createEntryDecoder } from "../../../../worker/source/protocol/entry-decoder.ts";
import { entryMemory } from "../../../../worker/source/protocol/entry-memory.ts";
import {
  type EntryMetadata,
  entryMetadata,
  singleMetadata,
} from "../../../../worker/source/protocol/metadata-codec.ts";
import { recordOf } from "../../format/message.ts";
import { batchPayload, compress, numberedMessages } from "../wire/publisher.ts";

const WHERE = { ledger: 7, entry: 3, partition: -1 };
const REQUIRED = { producerName: "p", sequenceId: 0, publishTime: 1_000 };

/** What follows the command of a MESSAGE frame. */
function body(
  metadata: EntryMetadata,
  payload: Uint8Array,
  options: { brokerMetadata?: boolean; checksum?: boolean } = {},
): Buffer {
  const encoded = entryMetadata.encode({ ...REQUIRED, ...metadata });
  const size = Buffer.alloc(4);
  size.writeUInt32BE(encoded.length);
  const checked = Buffer.concat([size, encoded, payload]);
  const magic = Buffer.from([0x0e, 0x01, 0, 0, 0, 0]);
  magic.writeUInt32BE(crc32c(checked), 2);
  const broker = Buffer.from([0x0e, 0x02, 0, 0, 0, 2, 8, 1]);
  return Buffer.concat([
    ...(options.brokerMetadata === true ? [broker] : []),
    ...(options.checksum === false ? [] : [magic]),
    checked,
  ]);
}

function decode(bytes: Buffer, ackSet: readonly number[] | null = null, owned = false): DecodedEntry {
  const decoder = createEntryDecoder({ maxUncompressedBytes: 1_000_000, decryptor: null, memory: entryMemory() });
  const decoded = decoder.decode(bytes, 0, bytes.length, owned, WHERE, ackSet);
  assert.ok(decoded);
  return decoded;
}

test("where memory is short an entry is not corrupt, but read again later", () => {
  const shortage = new RangeError("Array buffer allocation failed");
  const decryptor = {
    onFailure: "Fail" as const,
    opens: () => true,
    decrypt: () => {
      throw shortage;
    },
  };
  const decoder = createEntryDecoder({ maxUncompressedBytes: 1_000_000, decryptor, memory: entryMemory() });
  const bytes = body({ encryptionKeys: [{ key: "k", value: Buffer.alloc(1) }] }, Buffer.from("x"));
  assert.throws(() => decoder.decode(bytes, 0, bytes.length, false, WHERE, null), {
    code: "MemoryExhausted",
    cause: shortage,
  });
});

const texts = (decoded: DecodedEntry): string[] =>
  decoded.messages.map((message) => Buffer.from(message.payload).toString("utf8").replace(/a+$/, ""));

test("an entry reads the same with or without checksum, broker metadata and memory of its own", () => {
  const payload = batchPayload(numberedMessages(3, 10, 2));
  for (const brokerMetadata of [false, true]) {
    for (const checksum of [false, true]) {
      for (const owned of [false, true]) {
        const bytes = body({ numMessagesInBatch: 3 }, payload, { brokerMetadata, checksum });
        const decoded = decode(bytes, null, owned);
        if (!owned) bytes.fill(0);
        assert.deepEqual(texts(decoded), ["0", "1", "2"]);
        assert.equal(decoded.messages[2]?.id, "7:3:-1:2");
        assert.equal(decoded.entry.producerName, "p");
        assert.equal(decoded.entry.publishTime, 1_000);
        assert.ok(decoded.retainedBytes >= payload.length);
      }
    }
  }
});

test("a flipped bit anywhere is caught by the checksum, or is no entry at all", () => {
  const bytes = body({ partitionKey: "k" }, Buffer.from("payload"));
  fc.assert(
    fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
      const broken = Buffer.from(bytes);
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const decoded = decode(broken);
      // Without its magic number an entry has no checksum: then its size no longer fits.
      assert.equal(decoded.messages.length, 1);
      assert.notEqual(decoded.entry.defect, null);
      assert.equal(decoded.permits, 1);
    }),
  );
});

test("messages that an ack set names as consumed are left out, and still cost a permit", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 130 }), (open) => {
      const words = Array.from({ length: Math.ceil(open.length / 32) }, () => 0);
      open.forEach((isOpen, index) => {
        if (isOpen) words[index >>> 5] = ((words[index >>> 5] ?? 0) | (1 << (index & 31))) >>> 0;
      });
      const payload = batchPayload(numberedMessages(open.length, 8, 2));
      const decoded = decode(body({ numMessagesInBatch: open.length }, payload), words);
      assert.deepEqual(
        texts(decoded).map(Number),
        [...open.keys()].filter((index) => open[index]),
      );
      assert.equal(decoded.permits, open.length);
    }),
  );
});

test("a corrupt batch counts as the broker counted it", () => {
  const bytes = body({ numMessagesInBatch: 300 }, batchPayload(numberedMessages(300, 10, 2)));
  bytes[bytes.length - 1] = 0;
  const decoded = decode(bytes);
  assert.match(decoded.entry.defect?.message ?? "", /checksum/);
  assert.deepEqual([decoded.messages.length, decoded.permits], [1, 300]);
});

test("a marker holds no message", () => {
  const decoded = decode(body({ markerType: 10 }, Buffer.from("internal")));
  assert.deepEqual([decoded.messages.length, decoded.permits, decoded.entry.defect], [0, 1, null]);
});

test("schema version and tombstone of an entry that is not a batch", () => {
  const decoded = decode(
    body({ nullValue: true, schemaVersion: Buffer.from([0, 0, 0, 0, 0, 0, 0, 9]) }, Buffer.alloc(0)),
  );
  assert.deepEqual([...(decoded.entry.schemaVersion ?? [])], [0, 0, 0, 0, 0, 0, 0, 9]);
  assert.equal(decoded.messages[0]?.isNull, true);
  assert.equal(decoded.messages[0]?.id, "7:3:-1");
});

test("the algorithm of an encrypted entry is told only where its producer named it", () => {
  const encryptionKeys = [{ key: "k", value: Buffer.from([1]) }];
  const algorithmOf = (metadata: object): unknown => {
    const encoded = body({ encryptionKeys, encryptionParam: Buffer.from([2]), ...metadata }, Buffer.from("cipher"));
    return decode(encoded).entry.encryption?.algorithm;
  };
  assert.equal(algorithmOf({ encryptionAlgo: "AES" }), "AES");
  assert.equal(algorithmOf({ encryptionAlgo: "" }), "");
  assert.equal(algorithmOf({}), null);
});

test("nothing is inflated beyond what was promised, or beyond the limit", () => {
  for (const kind of [1, 2, 3, 4]) {
    const name = (["NONE", "LZ4", "ZLIB", "ZSTD", "SNAPPY"] as const)[kind] ?? "NONE";
    const compressed = compress(name, Buffer.alloc(500_000));
    for (const uncompressedSize of [1, 499_999, 500_001, 2_000_000, 0]) {
      const decoded = decode(body({ compression: kind, uncompressedSize }, compressed));
      assert.notEqual(decoded.entry.defect, null, `${name} ${uncompressedSize}`);
      assert.ok(decoded.retainedBytes < 100_000);
    }
    assert.equal(decode(body({ compression: kind, uncompressedSize: 500_000 }, compressed)).entry.defect, null, name);
  }
  assert.match(
    decode(body({ compression: 9, uncompressedSize: 4 }, Buffer.from("what"))).entry.defect?.message ?? "",
    /compression 9/,
  );
});

test("a ZLIB stream that was flushed and not ended is read, as the Java client writes it, and must be whole", () => {
  const plain = Buffer.from("payload ".repeat(1_000));
  const flushed = deflateSync(plain, { finishFlush: constants.Z_SYNC_FLUSH });
  const metadata = { compression: Compression.ZLIB, uncompressedSize: plain.length };
  assert.deepEqual(Buffer.from(decode(body(metadata, flushed)).messages[0]?.payload ?? []), plain);
  for (let length = 0; length < flushed.length - 4; length++) {
    assert.notEqual(decode(body(metadata, flushed.subarray(0, length))).entry.defect, null, String(length));
  }
});

test("an event time keeps all its digits: on the wire, in a document, and in a dead letter", async () => {
  const times = fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }));
  const format = createFormat(
    { messageFormat: "FULL_MESSAGE_IN_JSON_EXPAND_VALUE", jsonIncludeNonNulls: true, jsonFlatten: false },
    { schema: async () => null },
  );
  fc.assert(
    fc.property(times, fc.boolean(), (eventTime, batched) => {
      const payload = batched ? batchPayload([{ payload: Buffer.from("x"), eventTime }]) : Buffer.from("x");
      const decoded = decode(body(batched ? { numMessagesInBatch: 1 } : { eventTime }, payload));
      const [message] = decoded.messages;
      assert.ok(message);
      assert.equal(message.eventTime, eventTime === 0 ? null : eventTime);
      if (message.eventTime === null) return;
      assert.ok(recordOf(format, message, "t").includes(`"eventTime":${eventTime}}`));
      const letter = decode(body({ eventTime: message.eventTime }, payload));
      assert.equal(letter.messages[0]?.eventTime, eventTime);
    }),
  );
});

test("hostile bytes become one defective message or sound ones, never an exception", () => {
  const payload = fc.uint8Array({ maxLength: 120 });
  const metadata = fc.record(
    {
      numMessagesInBatch: fc.oneof(fc.integer(), fc.integer({ min: 0, max: 20 })),
      compression: fc.integer({ min: -1, max: 6 }),
      uncompressedSize: fc.oneof(fc.nat(200), fc.maxSafeNat()),
      numChunks: fc.integer({ min: -2, max: 5 }),
      chunkId: fc.integer(),
      totalChunkSize: fc.integer(),
      uuid: fc.string(),
      markerType: fc.integer(),
      nullValue: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  const shaped = fc.tuple(metadata, payload).map(([head, bytes]) => body(head, bytes));
  const random = payload.map((bytes) => Buffer.from(bytes));
  const mutated = fc
    .tuple(shaped, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }))
    .map(([bytes, changes]) => {
      // Past the checksum, whose place is known.
      for (const [at, value] of changes) if (bytes.length > 10) bytes[6 + (at % (bytes.length - 6))] = value;
      bytes.writeUInt32BE(crc32c(bytes.subarray(6)), 2);
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(shaped, random, mutated), fc.boolean(), (bytes, owned) => {
      const decoded = decode(bytes, null, owned);
      assert.ok(Number.isInteger(decoded.permits));
      for (const message of decoded.messages) {
        // Each accessor must hold for whatever came through.
        void [message.id, message.key, message.eventTime, message.orderingKey, message.properties, message.isNull];
        void [message.entry.schemaVersion, message.entry.producerName];
        assert.ok(message.payload.length <= 1_000_000);
        if (message.entry.encryption !== null) assert.ok(Array.isArray(message.entry.encryption.keys));
      }
    }),
    { numRuns: 5_000 },
  );
});

test("a message with more properties than a heap holds is poison, alone and in a batch", () => {
  const one = { key: "k", value: "" };
  const properties = (count: number) => Array.from({ length: count }, () => one);
  const limit = decode(body({ properties: properties(100_000) }, Buffer.from("p")));
  assert.equal(limit.entry.defect, null);
  for (const metadata of [{}, { numChunks: 2, chunkId: 0, uuid: "u", totalChunkSize: 10 }]) {
    const alone = decode(body({ ...metadata, properties: properties(100_001) }, Buffer.from("p")));
    assert.match(alone.entry.defect?.message ?? "", /^the message has 100001 properties; at most 100000 are read$/);
    assert.equal(alone.entry.defect?.code, "CorruptEntry");
  }
  const metadata = singleMetadata.encode({ payloadSize: 0, properties: properties(100_001) });
  const size = Buffer.alloc(4);
  size.writeUInt32BE(metadata.length);
  const sound = batchPayload(numberedMessages(1_000, 1, 1));
  for (const before of [0, 1_000]) {
    const payload = Buffer.concat([...(before === 0 ? [] : [sound]), size, metadata]);
    const batch = decode(body({ numMessagesInBatch: before + 1 }, payload));
    assert.match(batch.entry.defect?.message ?? "", new RegExp(`^message ${before} of a batch has 100001 properties`));
    assert.equal(batch.permits, before + 1);
  }
});

test("encrypted data keys of megabytes are poison, and nothing is made of them", () => {
  const keysOf = (count: number, bytes: number) =>
    Array.from({ length: count }, (_, n) => ({ key: `${n}`, value: Buffer.alloc(bytes) }));
  const metadata = (encryptionKeys: ReturnType<typeof keysOf>) => ({
    encryptionKeys,
    encryptionParam: Buffer.alloc(12),
  });
  const groups = decode(body(metadata(keysOf(200, 512)), Buffer.from("cipher")));
  assert.equal(groups.entry.encryption?.keys.length, 200);
  for (const keys of [keysOf(1, 5 << 20), keysOf(100_000, 0)]) {
    const { entry, messages } = decode(body(metadata(keys), Buffer.from("cipher")));
    assert.match(
      entry.defect?.message ?? "",
      /^the encrypted data keys and their metadata take \d+ bytes; at most 131072/,
    );
    assert.equal(entry.encryption, null);
    assert.equal(Buffer.from(messages[0]?.payload ?? []).toString(), "cipher");
  }
});
