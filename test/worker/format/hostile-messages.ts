/** Messages of a few bytes on the wire, compressed, that become as much as the worker takes, for each decoder. */
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import type { MessageFormat } from "../../../worker/format/format.ts";
import type { SchemaInfo } from "../../../worker/source/source.ts";
import { schemaInfo } from "./expand-value.ts";

/** Bytes; an entry inflates to so many at most. */
const MOST = 32 << 20;

export interface Hostile {
  readonly name: string;
  readonly payload: Buffer;
  readonly schema: SchemaInfo | null;
  readonly messageFormat?: MessageFormat;
}

const root = protobuf.parse(`
  syntax = "proto3";
  message Empty {}
  message Wide {
    repeated Empty a = 1; repeated Wide b = 2; repeated int32 c = 3; repeated int64 d = 4; repeated string e = 5;
    repeated bytes f = 6; map<int32, Wide> g = 7; map<string, string> h = 8; Wide i = 9; int32 j = 10;
    repeated google.protobuf.Any k = 11; google.protobuf.Any l = 12; repeated double m = 13;
  }`).root;
root.addJSON(protobuf.common.get("google/protobuf/any.proto")?.nested ?? {});
root.resolveAll();

const AVRO = JSON.stringify({
  type: "record",
  name: "R",
  fields: [
    {
      name: "u",
      type: [
        { type: "array", items: "null" },
        { type: "map", values: "null" },
        { type: "array", items: { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 } },
        { type: "array", items: { type: "record", name: "E", fields: [] } },
        { type: "array", items: { type: "array", items: "null" } },
        "string",
        ["R"],
      ],
    },
  ],
});

function native(): SchemaInfo {
  const descriptors = root.toDescriptor("proto3");
  const set = descriptors.constructor as unknown as { encode(message: object): protobuf.Writer };
  const fileDescriptorSet = Buffer.from(set.encode(descriptors).finish()).toString("base64");
  return schemaInfo("PROTOBUF_NATIVE", JSON.stringify({ fileDescriptorSet, rootMessageTypeName: "Wide" }));
}

function keyValue(key: string, value: string): SchemaInfo {
  const properties = [
    ["key.schema.type", key],
    ["value.schema.type", value],
    ["kv.encoding.type", "INLINE"],
  ] as const;
  return { type: "KEY_VALUE", data: Buffer.alloc(8), properties: new Map(properties) };
}

export const SCHEMAS: Readonly<Record<string, SchemaInfo>> = {
  JSON: schemaInfo("JSON"),
  AVRO: schemaInfo("AVRO", AVRO),
  PROTOBUF: native(),
  STRING: schemaInfo("STRING"),
  BYTES: schemaInfo("BYTES"),
  KEY_VALUE: keyValue("JSON", "JSON"),
};

type Bytes = string | Uint8Array | readonly number[];

/** `head`, then `unit` until `bytes` are full, then `tail`. */
function filled(head: Bytes, unit: Bytes, tail = "", bytes = MOST): Buffer {
  const [start, end] = [Buffer.from(head as string), Buffer.from(tail)];
  const each = Buffer.from(unit as string);
  const count = Math.floor((bytes - start.length - end.length) / each.length);
  return Buffer.concat([start, Buffer.alloc(count * each.length, each), end]);
}

function varint(value: number): Buffer {
  return Buffer.from(protobuf.Writer.create().uint32(value).finish());
}

function numbered(count: number, text: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => text(i)).join("");
}

function pair(key: Buffer, value: Buffer): Buffer {
  const [keyLength, valueLength] = [Buffer.alloc(4), Buffer.alloc(4)];
  keyLength.writeInt32BE(key.length);
  valueLength.writeInt32BE(value.length);
  return Buffer.concat([keyLength, key, valueLength, value]);
}

function* json(): Generator<[string, Buffer]> {
  yield ["one name, millions of times", filled("{", '"":1,', '"":1}')];
  yield ["a million names", Buffer.from(`{${numbered(1_000_000, (i) => `"${i.toString(36)}":1,`)}"":1}`)];
  yield ["three million names", Buffer.from(`{${numbered(2_500_000, (i) => `"${i.toString(36)}":1,`)}"":1}`)];
  yield [
    "names in turn",
    filled(
      "{",
      numbered(20_000, (i) => `"${i}":1,`),
      '"":1}',
    ),
  ];
  yield ["escaped names", filled("{", '"\\u0061":1,', '"":1}')];
  yield [
    "names with dots",
    filled(
      "{",
      numbered(20_000, (i) => `"${i}.":1,`),
      '"":1}',
    ),
  ];
  yield ["a long path", filled(`{"${"p".repeat(1 << 20)}":{`, '"a":1,', '"a":1}}')];
  yield ["empty objects", filled("[", "{},", "{}]")];
  yield ["open arrays", filled("", "[")];
  yield ["numbers", filled("[", "1,", "1]")];
  yield ["a number without end", filled("", "1")];
  yield ["white space", filled("", " ", "1")];
  yield ["surrogates in three bytes", filled('"', [0xed, 0xa0, 0xbd], '"')];
  yield ["quotes in three bytes", filled('"', [0xe0, 0x80, 0xa2], '"')];
  yield ["UTF-16", filled([0xfe, 0xff, 0, 0x22], [0, 0x61])];
  yield ["UTF-32", filled([0, 0, 0xfe, 0xff, 0, 0, 0, 0x22], [0, 0, 0xd8, 0])];
}

function* avro(): Generator<[string, Buffer]> {
  const endless = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x08];
  yield ["nulls without end", Buffer.from([0, ...endless])];
  yield ["empty records without end", Buffer.from([6, ...endless])];
  yield ["empty lists without end", filled([8, ...endless], [0])];
  yield ["one key, millions of times", filled([2, ...endless], [0])];
  yield ["keys in turn", filled([2, ...endless], Buffer.from(numbered(20_000, (i) => `\x0a${String(10_000 + i)}`)))];
  yield ["long decimals", filled([4, ...endless], Buffer.concat([varint(2048), Buffer.alloc(1024, 0x7f)]))];
  yield ["a long text", filled([10, ...varint(2 * (MOST - 64))], [1])];
  yield ["itself without end", filled("", [12, 0])];
}

function* protobufs(): Generator<[string, Buffer]> {
  const inside = (tag: number, unit: number[], bytes = MOST - 16): Buffer => {
    const content = filled("", unit, "", bytes);
    return Buffer.concat([varint(tag), varint(content.length), content]);
  };
  yield ["packed int32", inside(26, [0])];
  yield ["packed int64", inside(34, [0])];
  yield ["packed doubles", inside(106, [0, 0, 0, 0, 0, 0, 0, 1])];
  for (const field of [1, 2, 5, 6, 7, 8, 9, 11]) yield [`field ${field}, empty`, filled("", [field * 8 + 2, 0])];
  yield ["single numbers", filled("", [24, 1])];
  yield ["one number again and again", filled("", [80, 1])];
  const names = Buffer.from(numbered(20_000, (i) => `\x5a\x08\x0a\x06${String(100_000 + i)}`));
  yield ["unknown types in Any", filled("", names)];
  yield ["known types in Any", filled("", [0x5a, 8, 0x0a, 4, 0x57, 0x69, 0x64, 0x65, 0x12, 0])];
  yield ["groups", filled("", [0x0b])];
  let nested = filled("", [10, 0], "", 1 << 20);
  for (let i = 0; i < 90; i++) nested = Buffer.concat([Buffer.from([18]), varint(nested.length), nested]);
  yield ["a deep message", nested];
}

function* texts(): Generator<[string, Buffer]> {
  yield ["surrogates", filled("", [0xed, 0xa0, 0x80], "", 10 << 20)];
  yield ["control characters", filled("", [1], "", 10 << 20)];
  yield ["control characters and a broken one", filled([0xff], [1], "", 10 << 20)];
  yield ["everything", filled("", [0x61])];
}

export function* hostileMessages(): Generator<Hostile> {
  for (const [kind, payloads] of [
    ["JSON", json()],
    ["AVRO", avro()],
    ["PROTOBUF", protobufs()],
    ["STRING", texts()],
  ] as const) {
    for (const [name, payload] of payloads) {
      yield { name: `${kind}: ${name}`, payload, schema: SCHEMAS[kind] ?? null };
    }
  }
  const half = filled("{", '"":1,', '"":1}', MOST / 2 - 8);
  yield { name: "KEY_VALUE: repeated names in both", payload: pair(half, half), schema: SCHEMAS["KEY_VALUE"] ?? null };
  const large = { payload: filled("", [0]), schema: null };
  for (const messageFormat of ["FULL_MESSAGE_IN_JSON", "FULL_MESSAGE_IN_FB"] as const) {
    yield { ...large, name: messageFormat, messageFormat };
  }
  yield { ...large, name: "no schema" };
}

/** Any bytes, again and again. */
export function randomMessage(random: () => number): Hostile {
  const pick = (below: number): number => Math.floor(random() * below);
  const kinds = Object.keys(SCHEMAS);
  const kind = kinds[pick(kinds.length)] as string;
  const alphabet = kind === "JSON" ? '{}[]",:\\u01eE-. an\x01\xed\xa0' : "";
  const byte = (): number =>
    alphabet === "" ? pick(pick(2) === 0 ? 16 : 256) : alphabet.charCodeAt(pick(alphabet.length));
  const bytes = (): number[] => Array.from({ length: 1 + pick(12) }, byte);
  const head = bytes();
  const unit = bytes();
  const payload = filled(Buffer.from(head), Buffer.from(unit), "", 1 << (16 + pick(9)));
  return {
    name: `${kind}: ${Buffer.from(head).toString("hex")} ${Buffer.from(unit).toString("hex")}`,
    payload,
    schema: SCHEMAS[kind] ?? null,
  };
}
