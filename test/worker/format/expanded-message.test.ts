import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createFormat } from "../../../worker/format/create.ts";
import { PoisonError } from "../../../worker/format/format.ts";
import { createKnownSchemas } from "../../../worker/source/broker/known-schemas.ts";
import { type SchemaInfo, type SchemaRegistry, SourceError } from "../../../worker/source/source.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { expandText, schemaInfo, TOPIC } from "./expand-value.ts";
import { deliveryOf, messageOf, recordOf } from "./message.ts";

const STRING = schemaInfo("STRING");
const version = (n: number): Buffer => Buffer.from([0, 0, 0, 0, 0, 0, 0, n]);
const isPoison = (code: string) => (error: unknown) => error instanceof PoisonError && error.code === code;
const expanding = (schemas: SchemaRegistry) =>
  createFormat(
    { messageFormat: "FULL_MESSAGE_IN_JSON_EXPAND_VALUE", jsonIncludeNonNulls: true, jsonFlatten: false },
    schemas,
  );

function keyValue(encoding: string): SchemaInfo {
  const properties = [
    ["key.schema.type", "STRING"],
    ["value.schema.type", "INT8"],
    ["kv.encoding.type", encoding],
  ] as const;
  return { type: "KEY_VALUE", data: Buffer.alloc(8), properties: new Map(properties) };
}

describe("EXPAND_VALUE", () => {
  test("leaves null members out, or keeps them", async () => {
    assert.equal(await expandText({ schema: STRING, payload: "v" }), `{"topicName":"${TOPIC}","payload":"v"}`);
    assert.equal(
      await expandText({ schema: STRING, payload: "v", jsonIncludeNonNulls: false }),
      `{"topicName":"${TOPIC}","key":null,"payload":"v","properties":null,"eventTime":null}`,
    );
  });

  test("has no payload for a tombstone", async () => {
    assert.equal(await expandText({ schema: schemaInfo("INT32"), isNull: true }), `{"topicName":"${TOPIC}"}`);
    assert.equal(
      await expandText({ schema: keyValue("INLINE"), isNull: true, key: "k" }),
      `{"topicName":"${TOPIC}","key":"k"}`,
    );
  });

  test("keeps the key of a tombstone whose key is separate", async () =>
    assert.equal(
      await expandText({ schema: keyValue("SEPARATED"), isNull: true, key: "k" }),
      `{"topicName":"${TOPIC}","key":"k","payload":{"key":"k"}}`,
    ));

  test("writes bytes and payloads without a schema in base64, also flattened", async () => {
    for (const schema of [null, schemaInfo("BYTES")]) {
      assert.equal(
        await expandText({ schema, payload: "v", jsonFlatten: true }),
        `{"topicName":"${TOPIC}","payload":"dg=="}`,
      );
    }
  });

  test("asks an entry for its schema version once, not for each of its messages", async () => {
    for (const schemaVersion of [null, version(1)]) {
      const format = expanding({ schema: async () => STRING });
      let asked = 0;
      const message = messageOf({ payload: "v" });
      const entry = Object.create(message.entry, {
        schemaVersion: {
          get() {
            asked++;
            return schemaVersion;
          },
        },
      }) as typeof message.entry;
      const messages = Array.from({ length: 10 }, () => ({ ...message, entry }));
      await format.prepare(deliveryOf(messages, TOPIC));
      for (const each of messages) format.encode(each, TOPIC);
      assert.equal(asked, 2, "once to prepare, once to encode");
    }
  });

  test("takes an empty schema version for none", async () => {
    const format = expanding({ schema: () => Promise.reject(new Error("there is nothing to look up")) });
    const message = messageOf({ payload: "v", schemaVersion: new Uint8Array() });
    await format.prepare(deliveryOf([message], TOPIC));
    assert.equal(recordOf(format, message, TOPIC).toString(), `{"topicName":"${TOPIC}","payload":"dg=="}`);
  });

  test("knows the first and the last of Java's instants", async () => {
    for (const [second, nano, text] of [
      [-31_557_014_167_219_200n, 0, "-1000000000-01-01T00:00:00Z"],
      [31_556_889_864_403_199n, 999_999_999, "+1000000000-12-31T23:59:59.999999999Z"],
    ] as const) {
      const payload = Buffer.alloc(12);
      payload.writeBigInt64BE(second);
      payload.writeInt32BE(nano, 8);
      assert.equal(
        await expandText({ schema: schemaInfo("INSTANT"), payload }),
        `{"topicName":"${TOPIC}","payload":"${text}"}`,
      );
      payload.writeBigInt64BE(second + (second < 0n ? -1n : 1n));
      await assert.rejects(expandText({ schema: schemaInfo("INSTANT"), payload }), isPoison("Undecodable"));
    }
  });

  test("refuses what is still encrypted, what cannot be read, and what has the wrong length", async () => {
    const encryption = {
      keys: [],
      param: Buffer.alloc(0),
      algorithm: "",
      compressionType: null,
      uncompressedMessageSize: null,
      batchSize: null,
    };
    await assert.rejects(expandText({ schema: STRING, encryption }), isPoison("Encrypted"));
    await assert.rejects(expandText({ schema: schemaInfo("INT32"), payload: "123" }), isPoison("Undecodable"));
    await assert.rejects(expandText({ schema: schemaInfo("AUTO_CONSUME") }), isPoison("UnsupportedSchema"));
  });

  test("refuses a document that no stream takes", async () => {
    await assert.rejects(
      expandText({ schema: STRING, payload: "\u0001".repeat(6 << 20) + "x".repeat(1 << 20) }),
      isPoison("RecordTooLarge"),
    );
  });
});

describe("schema versions", () => {
  test("each message is decoded with its own", async () => {
    const byVersion = [null, STRING, schemaInfo("INT8")];
    const format = expanding({ schema: (_topic, wanted) => byVersion[wanted?.[7] ?? 0] ?? null });
    const messages = [1, 2, 1].map((n) => messageOf({ payload: "1", schemaVersion: version(n) }));
    const delivery = deliveryOf(messages, "t-partition-0");
    await format.prepare(delivery);
    const texts = messages.map((message) => recordOf(format, message, "t").toString());
    assert.deepEqual(texts, ['{"topicName":"t","payload":"1"}', '{"topicName":"t","payload":49}', texts[0]]);
    assert.equal(format.prepare(delivery), undefined, "everything is at hand");
    const other = deliveryOf([messageOf({ schemaVersion: version(2) })], "t-partition-1");
    assert.equal(format.prepare(other), undefined, "a schema is compiled once, whatever topic has it");
  });

  test("a topic that was made anew with other fields is decoded with these, though versions begin with 0 again", async () => {
    const field = (name: string) => `{"name":"${name}","type":"string"}`;
    const record = (...names: string[]) =>
      schemaInfo("AVRO", `{"type":"record","name":"r","fields":[${names.map(field).join(",")}]}`);
    let schema = record("a", "b");
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const format = expanding(createKnownSchemas({ ask: async () => schema, clock, log: silentLog, signal }));
    const expanded = async (): Promise<string> => {
      const message = messageOf({ payload: "\u0002x\u0002y", schemaVersion: version(0) });
      await format.prepare(deliveryOf([message], TOPIC));
      return recordOf(format, message, TOPIC).toString();
    };
    assert.match(await expanded(), /"payload":\{"a":"x","b":"y"\}/);
    schema = record("b", "a");
    await clock.advance(60_000);
    assert.match(await expanded(), /"payload":\{"b":"x","a":"y"\}/);
  });

  test("a broker that cannot be asked rejects, and is asked again", async () => {
    let calls = 0;
    const format = expanding({
      schema: async () => {
        if (calls++ === 0) throw new SourceError("BrokerUnreachable", "The broker cannot be reached.");
        return STRING;
      },
    });
    const message = messageOf({ payload: "v", schemaVersion: version(1) });
    await assert.rejects(async () => format.prepare(deliveryOf([message], TOPIC)), SourceError);
    await format.prepare(deliveryOf([message], TOPIC));
    assert.match(recordOf(format, message, TOPIC).toString(), /"payload":"v"/);
  });

  test("a version that the broker does not know is poison, until it comes back", async () => {
    let schema: SchemaInfo | null = null;
    const format = expanding({ schema: async () => schema });
    const message = messageOf({ payload: "v", schemaVersion: version(1) });
    await format.prepare(deliveryOf([message], TOPIC));
    assert.throws(() => format.encode(message, TOPIC), isPoison("SchemaMissing"));
    schema = STRING;
    await format.prepare(deliveryOf([message], TOPIC));
    assert.match(recordOf(format, message, TOPIC).toString(), /"payload":"v"/);
  });

  test("messages stay decodable when thousands of versions were prepared after them", async () => {
    const format = expanding({ schema: async () => STRING });
    const versions = Array.from({ length: 3000 }, (_, n) => Buffer.from(`v${n}`));
    const messages = versions.map((schemaVersion) => messageOf({ payload: "v", schemaVersion }));
    for (const message of messages) await format.prepare(deliveryOf([message], TOPIC));
    for (const message of messages) assert.ok(recordOf(format, message, TOPIC).length > 0);
  });
});
