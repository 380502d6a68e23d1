/** Metadata of a few bytes each, millions of which fit into a frame. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Compression } from "../../../../worker/source/protocol/compression.ts";
import type { DecodedEntry } from "../../../../worker/source/protocol/decoded-entry.ts";
import { createEntryDecoder } from "../../../../worker/source/protocol/entry-decoder.ts";
import { entryMemory } from "../../../../worker/source/protocol/entry-memory.ts";
import { type EntryMetadata, entryMetadata } from "../../../../worker/source/protocol/metadata-codec.ts";
import { MalformedError } from "../../../../worker/source/protocol/protobuf-reader.ts";
import { batchPayload, compress } from "../wire/publisher.ts";

const PROPERTIES = 100_000;
const KEYS = 10_000;
const ELEMENTS = 200_000;

function decode(metadata: EntryMetadata, payload: Uint8Array): DecodedEntry {
  const head = entryMetadata.encode({ producerName: "p", sequenceId: 0, publishTime: 1_000, ...metadata });
  const size = Buffer.alloc(4);
  size.writeUInt32BE(head.length);
  const bytes = Buffer.concat([size, head, payload]);
  const decoder = createEntryDecoder({ maxUncompressedBytes: 32 << 20, decryptor: null, memory: entryMemory() });
  const decoded = decoder.decode(bytes, 0, bytes.length, false, { ledger: 1, entry: 2, partition: -1 }, null);
  assert.ok(decoded);
  return decoded;
}

const named = (count: number) => Array.from({ length: count }, (_, index) => ({ key: String(index), value: "" }));

test("a message may have 100,000 properties", () => {
  const [message] = decode({ properties: named(PROPERTIES) }, Buffer.from("x")).messages;
  assert.equal(message?.entry.defect, null);
  assert.equal(message?.properties.size, PROPERTIES);
});

test("one with more is poison, and whoever passes it on gets as many", () => {
  const [message, ...others] = decode({ properties: named(PROPERTIES + 1) }, Buffer.from("x")).messages;
  assert.equal(others.length, 0);
  assert.equal(message?.entry.defect?.code, "CorruptEntry");
  assert.match(message?.entry.defect?.message ?? "", /100001 properties; at most 100000/);
  assert.equal(message?.properties.size, PROPERTIES);
});

for (const count of [2, 1_001]) {
  test(`so is a batch of ${count} messages that holds one with more`, () => {
    const last = { payload: Buffer.from("last"), properties: named(PROPERTIES + 1) };
    const plain = batchPayload([...new Array(count - 1).fill({ payload: Buffer.from("x") }), last]);
    const compressed = { compression: Compression.ZSTD, uncompressedSize: plain.length };
    const { messages } = decode({ numMessagesInBatch: count, ...compressed }, compress("ZSTD", plain));
    assert.equal(messages.length, 1);
    assert.match(messages[0]?.entry.defect?.message ?? "", /100001 properties/);
  });
}

for (const [what, encryptionKeys] of [
  ["keys", new Array(KEYS).fill({ key: "k" })],
  ["metadata of a key", [{ key: "k", metadata: named(2 * KEYS) }]],
] as const) {
  for (const chunk of [{}, { uuid: "u", numChunks: 2, chunkId: 0, totalChunkSize: 2 }]) {
    test(`an entry with too many ${what} is poison${"uuid" in chunk ? ", also as a chunk" : ""}`, () => {
      const decoded = decode({ encryptionKeys, ...chunk }, Buffer.from("x"));
      assert.equal(decoded.chunk, null);
      assert.match(
        decoded.messages[0]?.entry.defect?.message ?? "",
        /the encrypted data keys .* at most 131072 are read/,
      );
      assert.equal(decoded.messages[0]?.entry.encryption, null);
    });
  }
}

test("an answer with more elements than are read is malformed", () => {
  const answer = (count: number) =>
    c.getSchemaResponse.encode({ requestId: 1, schema: { properties: new Array(count).fill({}) } });
  assert.equal(c.getSchemaResponse.decode(answer(ELEMENTS)).schema?.properties?.length, ELEMENTS);
  assert.throws(() => c.getSchemaResponse.decode(answer(ELEMENTS + 1)), MalformedError);
});

test("names that are remembered of chunks are short, and tell their messages apart all the same", () => {
  const long = "u".repeat(1 << 20);
  const chunkOf = (uuid: string) =>
    decode({ uuid, numChunks: 2, chunkId: 0, totalChunkSize: 2, producerName: long }, Buffer.from("x")).entry;
  const [one, again, other] = [chunkOf(`${long}1`), chunkOf(`${long}1`), chunkOf(`${long}2`)] as const;
  assert.equal(one.uuid, again.uuid);
  assert.notEqual(one.uuid, other.uuid);
  assert.ok((one.uuid ?? "").length <= 1_024 && one.producerName.length <= 1_024);
  assert.equal(chunkOf("producer-7").uuid, "producer-7");
});
