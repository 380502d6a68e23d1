import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { jsonMessageFormat } from "../../../worker/format/json-message.ts";
import type { EncryptionContext } from "../../../worker/source/source.ts";
import { type MessageParts, messageOf, recordOf } from "./message.ts";

const TOPIC = "persistent://public/default/in";
const textOf = (parts: MessageParts): string => recordOf(jsonMessageFormat(), messageOf(parts), TOPIC).toString();

const CONTEXT: EncryptionContext = {
  keys: [
    { name: "k1", key: Buffer.from("k1v"), metadata: new Map() },
    { name: "k2", key: Buffer.from("k2v"), metadata: new Map([["version", "v1"]]) },
  ],
  param: Buffer.from("iv"),
  algorithm: "AES",
  compressionType: "LZ4",
  uncompressedMessageSize: 10,
  batchSize: 2,
};

describe("FULL_MESSAGE_IN_JSON", () => {
  test("holds the payload in base64, and properties even when there are none", () =>
    assert.equal(textOf({ payload: "hello" }), '{"payloadBase64":"aGVsbG8=","properties":{}}'));

  test("encodes a payload that is a plain Uint8Array inside a larger buffer", () =>
    assert.equal(
      textOf({ payload: new Uint8Array([9, 255, 0, 9]).subarray(1, 3) }),
      '{"payloadBase64":"/wA=","properties":{}}',
    ));

  test("writes properties of any text", () => {
    const properties: [string, string][] = [
      ['"\\\n', "<é😀\u2028>"],
      ["__proto__", "x"],
    ];
    assert.deepEqual(
      Object.entries((JSON.parse(textOf({ properties })) as { properties: object }).properties),
      properties,
    );
  });

  test("has an empty payload for a tombstone", () =>
    assert.equal(textOf({ isNull: true }), '{"payloadBase64":"","properties":{}}'));

  test("adds the encryption context of a message that is still encrypted", () =>
    assert.deepEqual(JSON.parse(textOf({ payload: "x", encryption: CONTEXT })), {
      payloadBase64: "eA==",
      properties: {},
      encryptionCtx: {
        keysMapBase64: { k1: "azF2", k2: "azJ2" },
        keysMetadataMap: { k2: { version: "v1" } },
        encParamBase64: "aXY=",
        algorithm: "AES",
        compressionType: "LZ4",
        uncompressedMessageSize: 10,
        batchSize: 2,
      },
    }));

  test("has a size wherever it has a compression type, and of a repeated key the last", () => {
    const key = { name: "k", key: Buffer.from("a"), metadata: new Map([["m", "1"]]) };
    const keys = [key, { ...key, key: Buffer.from("b"), metadata: new Map() }];
    const text = textOf({ encryption: { ...CONTEXT, keys, uncompressedMessageSize: null } });
    const { encryptionCtx } = JSON.parse(text) as { encryptionCtx: Record<string, unknown> };
    assert.deepEqual(
      [encryptionCtx["keysMapBase64"], encryptionCtx["keysMetadataMap"], encryptionCtx["uncompressedMessageSize"]],
      [{ k: "Yg==" }, {}, 0],
    );
  });

  test("leaves out what is unknown of the encryption context", () => {
    const encryption = { ...CONTEXT, compressionType: null, batchSize: null };
    const context = (JSON.parse(textOf({ encryption })) as { encryptionCtx: object }).encryptionCtx;
    assert.deepEqual(Object.keys(context), ["keysMapBase64", "keysMetadataMap", "encParamBase64", "algorithm"]);
  });
});
