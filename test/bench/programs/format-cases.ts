/** Messages of each format and schema, about as large as asked for. */
import avro from "avsc";
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import type { MessageFormat } from "../../../worker/format/format.ts";
import type { SchemaInfo } from "../../../worker/source/source.ts";

export interface FormatCase {
  readonly name: string;
  readonly messageFormat: MessageFormat;
  readonly schema: SchemaInfo | null;
  readonly payload: Buffer;
  readonly jsonFlatten?: boolean;
  readonly properties?: Iterable<readonly [string, string]>;
}

/** Fields of an order take so many bytes; smaller messages have no schema. */
const SMALLEST_ORDER = 200;
/** Bytes of one of its items, about. */
const ITEM = 80;

const AVRO_ORDER = avro.Type.forSchema({
  type: "record",
  name: "Order",
  fields: [
    { name: "id", type: "string" },
    { name: "customer", type: ["null", "string"] },
    { name: "cents", type: "long" },
    { name: "ratio", type: "double" },
    { name: "paid", type: "boolean" },
    {
      name: "items",
      type: {
        type: "array",
        items: {
          type: "record",
          name: "Item",
          fields: [
            { name: "sku", type: "string" },
            { name: "count", type: "int" },
          ],
        },
      },
    },
    { name: "note", type: "string" },
  ],
});

const PROTO_ROOT = protobuf.parse(`
  syntax = "proto3";
  package shop;
  message Item { string sku = 1; int32 count = 2; }
  message Order {
    string id = 1;
    string customer = 2;
    int64 cents = 3;
    double ratio = 4;
    bool paid = 5;
    repeated Item items = 6;
    string note = 7;
  }`).root;

/** An order whose JSON text is about `size` bytes. */
function order(size: number): Record<string, unknown> {
  const items = Array.from({ length: Math.floor(size / ITEM) }, (_, i) => ({ sku: `sku-${i}`, count: i }));
  const fixed = { id: "o-1234567", customer: "c-42", cents: 123_456_789, ratio: 0.125, paid: true, items, note: "" };
  return { ...fixed, note: "n".repeat(Math.max(0, size - JSON.stringify(fixed).length)) };
}

const schemaOf = (
  type: string,
  data: Uint8Array,
  properties: Iterable<readonly [string, string]> = [],
): SchemaInfo => ({
  type,
  data,
  properties: new Map(properties),
});

function protobufSchema(): SchemaInfo {
  const descriptors = PROTO_ROOT.toDescriptor("proto3");
  const set = descriptors.constructor as unknown as { encode(message: object): protobuf.Writer };
  const definition = {
    fileDescriptorSet: Buffer.from(set.encode(descriptors).finish()).toString("base64"),
    rootMessageTypeName: "shop.Order",
    rootFileDescriptorName: "shop.proto",
  };
  return schemaOf("PROTOBUF_NATIVE", Buffer.from(JSON.stringify(definition)));
}

/** Byte strings, each after its length: how KEY_VALUE writes its two parts and their schemas. */
function pairOf(first: Buffer, second: Buffer): Buffer {
  return Buffer.concat(
    [first, second].flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(part.length);
      return [length, part];
    }),
  );
}

function keyValueSchema(): SchemaInfo {
  return schemaOf("KEY_VALUE", pairOf(Buffer.alloc(0), Buffer.from("{}")), [
    ["key.schema.type", "STRING"],
    ["value.schema.type", "JSON"],
    ["kv.encoding.type", "INLINE"],
  ]);
}

export function formatCases(size: number): FormatCase[] {
  const bytes = Buffer.alloc(size, "x");
  const properties = [
    ["a", "1"],
    ["trace", "00-1-2"],
  ] as const;
  const expand = { messageFormat: "FULL_MESSAGE_IN_JSON_EXPAND_VALUE", payload: bytes } as const;
  const plain: FormatCase[] = [
    { name: "raw", messageFormat: "ONLY_RAW_PAYLOAD", schema: null, payload: bytes },
    { name: "JSON", messageFormat: "FULL_MESSAGE_IN_JSON", schema: null, payload: bytes },
    { name: "JSON, 2 properties", messageFormat: "FULL_MESSAGE_IN_JSON", schema: null, payload: bytes, properties },
    { name: "FlatBuffers", messageFormat: "FULL_MESSAGE_IN_FB", schema: null, payload: bytes },
    { ...expand, name: "expand, no schema", schema: null },
    { ...expand, name: "expand, STRING", schema: schemaOf("STRING", Buffer.alloc(0)) },
  ];
  return size < SMALLEST_ORDER ? plain : [...plain, ...orderCases(size)];
}

function orderCases(size: number): FormatCase[] {
  const messageFormat = "FULL_MESSAGE_IN_JSON_EXPAND_VALUE" as const;
  const value = order(size);
  const text = Buffer.from(JSON.stringify(value));
  const json = { messageFormat, schema: schemaOf("JSON", Buffer.from("{}")), payload: text };
  const keyValue = { messageFormat, schema: keyValueSchema(), payload: pairOf(Buffer.from("key-1234"), text) };
  const avroSchema = schemaOf("AVRO", Buffer.from(JSON.stringify(AVRO_ORDER)));
  const avroOrder = { messageFormat, schema: avroSchema, payload: AVRO_ORDER.toBuffer(value) };
  const protobufPayload = Buffer.from(PROTO_ROOT.lookupType("shop.Order").encode(value).finish());
  const protobufOrder = { messageFormat, schema: protobufSchema(), payload: protobufPayload };
  return [
    { ...json, name: "expand, JSON" },
    { ...json, name: "expand, JSON, flat", jsonFlatten: true },
    { ...keyValue, name: "expand, KEY_VALUE" },
    { ...avroOrder, name: "expand, AVRO" },
    { ...avroOrder, name: "expand, AVRO, flat", jsonFlatten: true },
    { ...protobufOrder, name: "expand, PROTOBUF" },
  ];
}
