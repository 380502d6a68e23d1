/** CPU time per message of each format, at 200 B and 1 kB: `formats.ts`. Prints a table. */
import avro from "avsc";
import { createFormat } from "../../worker/format/create.ts";
import type { MessageFormat } from "../../worker/format/format.ts";
import { partitionKey } from "../../worker/format/partition-key.ts";
import type { Message, SchemaInfo } from "../../worker/source/source.ts";
import { deliveryOf, messageOf } from "../worker/format/message.ts";

const TOPIC = "persistent://public/default/orders-partition-3";
const BATCH = 1000;
const MEASURE_MILLIS = 600;
const WARM_UP_MILLIS = 300;

interface Case {
  readonly name: string;
  readonly messageFormat: MessageFormat;
  readonly schema: SchemaInfo | null;
  readonly payload: Buffer;
  readonly jsonFlatten?: boolean;
  readonly properties?: Iterable<readonly [string, string]>;
}

const ORDER = avro.Type.forSchema({
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

/** An order whose JSON text is about `size` bytes. */
function order(size: number): object {
  const items = Array.from({ length: Math.floor(size / 80) }, (_, i) => ({ sku: `sku-${i}`, count: i }));
  const fixed = { id: "o-1234567", customer: "c-42", cents: 123_456_789, ratio: 0.125, paid: true, items, note: "" };
  return { ...fixed, note: "n".repeat(Math.max(0, size - JSON.stringify(fixed).length)) };
}

function cases(size: number): Case[] {
  const bytes = Buffer.alloc(size, "x");
  const json = Buffer.from(JSON.stringify(order(size)));
  const avroSchema: SchemaInfo = { type: "AVRO", data: Buffer.from(JSON.stringify(ORDER)), properties: new Map() };
  const jsonSchema: SchemaInfo = { type: "JSON", data: Buffer.from("{}"), properties: new Map() };
  const expand = { messageFormat: "FULL_MESSAGE_IN_JSON_EXPAND_VALUE" } as const;
  const avroPayload = ORDER.toBuffer(order(size));
  return [
    { name: "raw", messageFormat: "ONLY_RAW_PAYLOAD", schema: null, payload: bytes },
    { name: "JSON", messageFormat: "FULL_MESSAGE_IN_JSON", schema: null, payload: bytes },
    {
      name: "JSON, 2 properties",
      messageFormat: "FULL_MESSAGE_IN_JSON",
      schema: null,
      payload: bytes,
      properties: [
        ["a", "1"],
        ["trace", "00-1-2"],
      ],
    },
    { name: "FlatBuffers", messageFormat: "FULL_MESSAGE_IN_FB", schema: null, payload: bytes },
    { ...expand, name: "expand, no schema", schema: null, payload: bytes },
    { ...expand, name: "expand, JSON", schema: jsonSchema, payload: json },
    { ...expand, name: "expand, JSON, flat", schema: jsonSchema, payload: json, jsonFlatten: true },
    { ...expand, name: "expand, AVRO", schema: avroSchema, payload: avroPayload },
    { ...expand, name: "expand, AVRO, flat", schema: avroSchema, payload: avroPayload, jsonFlatten: true },
  ];
}

/** CPU microseconds per message, and bytes of one record. */
async function measure({
  schema,
  payload,
  properties = [],
  jsonFlatten = false,
  messageFormat,
}: Case): Promise<[number, number]> {
  const format = createFormat(
    { messageFormat, jsonFlatten, jsonIncludeNonNulls: true },
    { schema: async () => schema },
  );
  const schemaVersion = schema === null ? null : Buffer.from("0000000000000001", "hex");
  const first = messageOf({ payload, key: "key-1234", properties, schemaVersion });
  const messages: Message[] = Array.from({ length: BATCH }, () => ({ ...first, payload: Buffer.from(payload) }));
  await format.prepare(deliveryOf(messages, TOPIC));
  let sink = 0;
  const run = (millis: number): number => {
    let count = 0;
    for (const end = performance.now() + millis; performance.now() < end; count += BATCH) {
      for (const message of messages)
        sink += format.encode(message, TOPIC).length + partitionKey(message, TOPIC).length;
    }
    return count;
  };
  run(WARM_UP_MILLIS);
  const before = process.cpuUsage();
  const count = run(MEASURE_MILLIS);
  const { user, system } = process.cpuUsage(before);
  if (sink === 0) throw new Error("nothing was encoded");
  return [(user + system) / count, format.encode(first, TOPIC).length];
}

console.log("format                  message  record B  CPU µs");
for (const size of [200, 1000]) {
  for (const each of cases(size)) {
    const [micros, bytes] = await measure(each);
    console.log(
      `${each.name.padEnd(22)} ${String(size).padStart(6)} B ${String(bytes).padStart(9)} ${micros.toFixed(3).padStart(7)}`,
    );
  }
}
