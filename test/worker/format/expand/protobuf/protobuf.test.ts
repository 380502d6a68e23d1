import assert from "node:assert/strict";
import { describe, test } from "node:test";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor.js";
import { createFormat } from "../../../../../worker/format/create.ts";
import { PoisonError } from "../../../../../worker/format/format.ts";
import type { SchemaInfo } from "../../../../../worker/source/source.ts";
import { ExactNumber, parseExact } from "../../../../golden/exact-json.ts";
import { deliveryOf, messageOf, recordOf } from "../../message.ts";

const TOPIC = "persistent://public/default/in";
const PROTO = `
  syntax = "proto3";
  package shop;
  import "google/protobuf/timestamp.proto";
  enum State { UNKNOWN = 0; PAID = 1; }
  message Line { string sku_code = 1; uint64 amount = 2; }
  message Order {
    string order_id = 1;
    int64 total_cents = 2;
    bytes raw_data = 3;
    State state = 4;
    repeated Line order_lines = 5;
    map<string, int32> counts = 6;
    map<int64, string> by_number = 7;
    double ratio = 8;
    float small = 9;
    google.protobuf.Timestamp created_at = 10;
    string renamed = 11 [json_name = "other"];
    repeated sint32 packed = 12;
    bool flag = 13;
  }`;

const root = protobuf.parse(PROTO).root;
root.addJSON(protobuf.common.get("google/protobuf/timestamp.proto")?.nested ?? {});
root.resolveAll();
const ORDER = root.lookupType("shop.Order");

function nativeSchema(): SchemaInfo {
  const descriptors = root.toDescriptor("proto3");
  const set = (descriptors.constructor as unknown as { encode(m: object): protobuf.Writer })
    .encode(descriptors)
    .finish();
  return schemaOfSet(set, "shop.Order");
}

function schemaOfSet(set: Uint8Array, rootMessageTypeName: string): SchemaInfo {
  const definition = {
    fileDescriptorSet: Buffer.from(set).toString("base64"),
    rootMessageTypeName,
    rootFileDescriptorName: "shop.proto",
  };
  return { type: "PROTOBUF_NATIVE", data: Buffer.from(JSON.stringify(definition)), properties: new Map() };
}

async function expand(schema: SchemaInfo, payload: Uint8Array, jsonFlatten = false): Promise<Record<string, unknown>> {
  const format = createFormat(
    { messageFormat: "FULL_MESSAGE_IN_JSON_EXPAND_VALUE", jsonIncludeNonNulls: true, jsonFlatten },
    { schema: async () => schema },
  );
  const message = messageOf({ payload, schemaVersion: Buffer.alloc(8) });
  await format.prepare(deliveryOf([message], TOPIC));
  return parseExact(recordOf(format, message, TOPIC).toString()) as Record<string, unknown>;
}

const Long = protobuf.util.Long as unknown as { fromString(text: string): unknown };
const long = (text: string): unknown => Long.fromString(text);

const PAYLOAD = ORDER.encode(
  ORDER.create({
    orderId: "o-1",
    totalCents: long("9007199254740993"),
    rawData: Buffer.from([255, 0]),
    state: 1,
    orderLines: [{ skuCode: "a", amount: long("9223372036854775807") }, { skuCode: "b" }],
    counts: { x: 1 },
    ratio: 0.5,
    small: Math.fround(0.1),
    createdAt: { seconds: long("1648502845"), nanos: 803_000_000 },
    renamed: "r",
    packed: [-1, 2],
    flag: true,
  }),
).finish();

describe("PROTOBUF_NATIVE", () => {
  test("expands by descriptor, with proto3 JSON names and exact integers", async () => {
    const number = (text: string): ExactNumber => new ExactNumber(text);
    assert.deepEqual((await expand(nativeSchema(), PAYLOAD))["payload"], {
      orderId: "o-1",
      totalCents: number("9007199254740993"),
      rawData: "/wA=",
      state: "PAID",
      orderLines: [{ skuCode: "a", amount: number("9223372036854775807") }, { skuCode: "b" }],
      counts: { x: number("1") },
      ratio: number("0.5"),
      small: number("0.1"),
      createdAt: "2022-03-28T21:27:25.803Z",
      other: "r",
      packed: [number("-1"), number("2")],
      flag: true,
    });
  });

  test("flattens", async () => {
    const flat = await expand(nativeSchema(), PAYLOAD, true);
    assert.equal(flat["payload.orderLines[0].skuCode"], "a");
  });

  test("keeps 64-bit keys of maps", async () => {
    // Field 7: {1: 9007199254740993, 2: "v"}.
    const entry = protobuf.Writer.create()
      .uint32(8)
      .int64(long("9007199254740993") as number)
      .uint32(18)
      .string("v")
      .finish();
    const payload = protobuf.Writer.create().uint32(58).bytes(entry).finish();
    assert.deepEqual((await expand(nativeSchema(), payload))["payload"], { byNumber: { "9007199254740993": "v" } });
  });

  test("writes an extension under its full name, in brackets", async () => {
    const [optional, int32, string] = [1, 5, 9];
    const own = { name: "own", number: 1, label: optional, type: int32 };
    const file = {
      ...{ name: "base.proto", package: "shop" },
      messageType: [{ name: "Base", field: [own], extensionRange: [{ start: 100, end: 200 }] }],
      extension: [{ name: "more_text", number: 100, label: optional, type: string, extendee: ".shop.Base" }],
    };
    const set = descriptor.FileDescriptorSet.encode({ file: [file] }).finish();
    // Field 1: 5, field 100: "x".
    const payload = protobuf.Writer.create().uint32(8).int32(5).uint32(802).string("x").finish();
    const { payload: value } = await expand(schemaOfSet(set, "shop.Base"), payload);
    assert.deepEqual(value, { own: new ExactNumber("5"), "[shop.more_text]": "x" });
  });

  const repeated = (field: number, count: number): Buffer => Buffer.alloc(2 * count, Buffer.from([field * 8 + 2, 0]));
  const packed = (bytes: number): Buffer =>
    Buffer.concat([protobuf.Writer.create().uint32(98).uint32(bytes).finish(), Buffer.alloc(bytes)]);

  for (const [what, payload] of [
    ["packed numbers", packed(5 << 20)],
    ["empty messages", repeated(5, 1_000_000)],
    ["entries of a map", repeated(6, 1_000_000)],
    [
      "packed numbers and empty messages, each within the limit",
      Buffer.concat([packed(3 << 20), repeated(5, 300_000)]),
    ],
  ] as const) {
    test(`calls ${what} poison that would take too much memory`, () =>
      assert.rejects(
        expand(nativeSchema(), payload),
        (error) => error instanceof PoisonError && error.code === "RecordTooLarge" && /64 MiB/.test(error.message),
      ));
  }

  test("expands large messages", async () => {
    const lines = Array.from({ length: 150_000 }, (_, i) => ({ skuCode: `sku-${i}`, amount: long(String(i + 1)) }));
    const payload = ORDER.encode(ORDER.create({ orderLines: lines })).finish();
    const { payload: value } = await expand(nativeSchema(), payload);
    assert.equal((value as { orderLines: unknown[] }).orderLines.length, lines.length);
  });

  test("calls a truncated payload poison", async () => {
    await assert.rejects(
      expand(nativeSchema(), PAYLOAD.subarray(0, PAYLOAD.length - 1)),
      (error) => error instanceof PoisonError && error.code === "Undecodable",
    );
  });
});

describe("PROTOBUF", () => {
  type Info = readonly [number: number, name: string, type: string, isRepeated?: true];
  const info = (fields: readonly Info[], record: object = {}): SchemaInfo => {
    const parsing = fields.map(([number, name, type, isRepeated]) => {
      return { number, name, type, label: isRepeated ? "LABEL_REPEATED" : "LABEL_OPTIONAL", definition: null };
    });
    const properties = new Map([["__PARSING_INFO__", JSON.stringify(parsing)]]);
    return { type: "PROTOBUF", data: Buffer.from(JSON.stringify(record)), properties };
  };
  const text = { type: "string", "avro.java.string": "String" };
  const field = (name: string, type: unknown): object => ({ name, type });
  const orNull = (type: unknown): unknown => ["null", type];
  const many = (items: unknown): object => ({ type: "array", items });

  const schema = info(
    [
      [1, "order_id", "STRING"],
      [2, "total_cents", "INT64"],
      [4, "state", "ENUM"],
      [5, "order_lines", "MESSAGE", true],
      [12, "packed", "SINT32", true],
    ],
    {
      ...{ type: "record", name: "Order", namespace: "shop.OrderOuterClass" },
      fields: [
        field("order_id", text),
        field(
          "order_lines",
          many({ type: "record", name: "Line", fields: [field("sku_code", text), field("amount", "long")] }),
        ),
      ],
    },
  );

  test("expands what the schema tells of the fields", async () => {
    const payload = ORDER.encode(
      ORDER.create({ orderId: "o-1", totalCents: long("9007199254740993"), state: 1, packed: [-1] }),
    ).finish();
    assert.deepEqual((await expand(schema, payload))["payload"], {
      orderId: "o-1",
      totalCents: new ExactNumber("9007199254740993"),
      state: new ExactNumber("1"),
      packed: [new ExactNumber("-1")],
    });
  });

  test("writes a message inside the message, whose numbers nobody knows, as its bytes, and the rest as ever", async () => {
    const line = root.lookupType("shop.Line");
    const bytes = (fields: object) => Buffer.from(line.encode(line.create(fields)).finish()).toString("base64");
    assert.deepEqual((await expand(schema, PAYLOAD))["payload"], {
      orderId: "o-1",
      totalCents: new ExactNumber("9007199254740993"),
      state: new ExactNumber("1"),
      orderLines: [bytes({ skuCode: "a", amount: long("9223372036854775807") }), bytes({ skuCode: "b" })],
      packed: [new ExactNumber("-1"), new ExactNumber("2")],
    });
  });

  test("expands inner messages whose numbers are known: the message's own type, Google's, and entries of maps", async () => {
    const { root: tree } = protobuf.parse(
      `syntax = "proto3"; package shop;
      message Node {
        string name = 3; Node parent = 1; repeated Node children = 2; google.protobuf.Timestamp at = 4;
        google.protobuf.Struct more = 5; map<string, string> tag_list = 6; map<string, int32> counts = 7;
        google.protobuf.Int64Value count = 8;
      }`,
      { keepCase: true },
    );
    for (const name of ["timestamp", "struct", "wrappers"]) {
      tree.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {});
    }
    tree.resolveAll();
    const node = tree.lookupType("shop.Node");
    const google = (name: string): object => ({ type: "record", name, namespace: "com.google.protobuf", fields: [] });
    const entry = (name: string, type: unknown): object => ({
      ...{ type: "record", name, namespace: "shop.Outer$Node" },
      fields: [field("key", text), field("value", type)],
    });
    const nodeSchema = info(
      [
        [3, "name", "STRING"],
        [1, "parent", "MESSAGE"],
        [2, "children", "MESSAGE", true],
        [4, "at", "MESSAGE"],
        [5, "more", "MESSAGE"],
        [6, "tag_list", "MESSAGE", true],
        [7, "counts", "MESSAGE", true],
        [8, "count", "MESSAGE"],
      ],
      {
        ...{ type: "record", name: "Node", namespace: "shop.Outer" },
        fields: [
          field("name", text),
          field("parent", orNull("Node")),
          field("children", many("Node")),
          field("at", orNull(google("Timestamp"))),
          field("more", orNull(google("Struct"))),
          field("tag_list", many(entry("TagListEntry", text))),
          field("counts", many(entry("CountsEntry", "int"))),
          field("count", orNull(google("Int64Value"))),
        ],
      },
    );
    const payload = node
      .encode(
        node.fromObject({
          ...{ name: "a", parent: { name: "p" }, children: [{ name: "c", children: [{ name: "d" }] }] },
          ...{ at: { seconds: 1648502845, nanos: 803_000_000 }, count: { value: "9007199254740993" } },
          more: {
            fields: { n: { numberValue: 1.5 }, l: { listValue: { values: [{ boolValue: true }, { nullValue: 0 }] } } },
          },
          ...{ tag_list: { k: "v" }, counts: { x: -1 } },
        }),
      )
      .finish();
    assert.deepEqual((await expand(nodeSchema, payload))["payload"], {
      name: "a",
      parent: { name: "p" },
      children: [{ name: "c", children: [{ name: "d" }] }],
      at: "2022-03-28T21:27:25.803Z",
      more: { n: new ExactNumber("1.5"), l: [true, null] },
      tagList: { k: "v" },
      // The bytes of an int32 and of a sint32 look alike.
      counts: ["CgF4EP///////////wE="],
      count: new ExactNumber("9007199254740993"),
    });
  });

  test("refuses a schema without the numbers of the fields", async () => {
    await assert.rejects(
      expand({ type: "PROTOBUF", data: Buffer.from("{}"), properties: new Map() }, PAYLOAD),
      (error) => error instanceof PoisonError && error.code === "UnsupportedSchema",
    );
  });
});
