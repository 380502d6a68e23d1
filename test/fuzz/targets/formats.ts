/** Messages, their schemas, and the four formats of a record. */
import protobuf from "protobufjs";
import { createFormat } from "../../../worker/format/create.ts";
import { type MessageFormat, PoisonError } from "../../../worker/format/format.ts";
import { partitionKey } from "../../../worker/format/partition-key.ts";
import type { SchemaInfo } from "../../../worker/source/source.ts";
import { schemaInfo, TOPIC } from "../../worker/format/expand-value.ts";
import { SCHEMAS } from "../../worker/format/hostile-messages.ts";
import { deliveryOf, type MessageParts, messageOf } from "../../worker/format/message.ts";
import type { Choices } from "../choices.ts";
import { encoded, type Field, field, mutated, parsed, varint } from "../fields.ts";
import { mutatedBytes, mutatedJson } from "../mutations-of-bytes.ts";
import { ensure, type Target, TURN_MILLIS } from "../target.ts";

const MOST_PAYLOAD = 5 << 20;
/** For a payload above 1 MiB, which one turn cannot always do, and for a record of 10 MiB, which a few bytes may become. */
const MILLIS_PER_MIB = 125;
const RECORD_MILLIS = 500;
const MOST_DEFINITION = 1 << 20;
const RECORD_LIMIT = 10 << 20;

const FORMATS: readonly MessageFormat[] = [
  "FULL_MESSAGE_IN_JSON_EXPAND_VALUE",
  "ONLY_RAW_PAYLOAD",
  "FULL_MESSAGE_IN_JSON",
  "FULL_MESSAGE_IN_FB",
];

interface MessageInput {
  readonly messageFormat: MessageFormat;
  readonly jsonFlatten: boolean;
  readonly schema: SchemaInfo | null;
  readonly message: MessageParts;
  readonly payload: Buffer;
}

const DOCUMENT = { id: 7, name: "text", "a.b": [1.5, { c: null }], nested: { deep: [true, "\u00e9"] }, big: 2 ** 60 };

/** Numbers that Avro reads as branches, lengths and counts. */
function avroPayload(choices: Choices): Buffer {
  const parts = Array.from({ length: choices.below(10) }, () => {
    if (choices.chance(0.3)) return choices.bytes(12);
    const value = choices.chance(0.2) ? choices.magnitude(62) : choices.below(14);
    return varint(BigInt(value) * (choices.chance(0.1) ? 2n : 1n));
  });
  return mutatedBytes(Buffer.concat(parts), choices, MOST_PAYLOAD);
}

const WIDE: readonly Field[] = [
  field(1, []),
  field(2, [field(10, 5), field(5, "inner-text")]),
  field(3, Buffer.from([1, 2, 3])),
  field(4, Buffer.from([1, 2, 3])),
  field(5, "some-text"),
  field(6, "some-bytes"),
  field(7, [field(1, 3), field(2, [field(10, 5)])]),
  field(8, [field(1, "key-text"), field(2, "value-text")]),
  field(9, [field(9, [field(10, 1)])]),
  field(10, 12),
  field(11, [field(1, "type.googleapis.com/Wide"), field(2, [field(10, 1)])]),
  field(12, [field(1, "type.googleapis.com/Empty"), field(2, "")]),
  field(13, Buffer.alloc(16, 1)),
];

const PAYLOADS: Readonly<Record<string, (choices: Choices) => Buffer>> = {
  JSON: (choices) => mutatedJson(DOCUMENT, choices, MOST_PAYLOAD),
  AVRO: avroPayload,
  PROTOBUF: (choices) => encoded(mutated(WIDE, choices), MOST_PAYLOAD),
  STRING: (choices) => mutatedBytes(Buffer.from("text \u00e9\ud83d\ude00"), choices, MOST_PAYLOAD),
  BYTES: (choices) => mutatedBytes(Buffer.from("bytes"), choices, MOST_PAYLOAD),
  KEY_VALUE: (choices) => {
    const halves = [1, 2].map(() => mutatedJson(DOCUMENT, choices, MOST_PAYLOAD / 2));
    return mutatedBytes(Buffer.concat(halves.flatMap((half) => [int32(half.length), half])), choices, MOST_PAYLOAD);
  },
};

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function messageParts(choices: Choices): MessageParts {
  const name = choices.chance(0.3) ? choices.bytes(12).toString("utf8") : "name";
  const count = choices.chance(0.1) ? choices.count(15) : choices.below(3);
  return {
    key: choices.chance(0.5) ? mutatedBytes(Buffer.from("key"), choices, 1 << 20).toString("utf8") : null,
    keyIsBase64: choices.chance(0.2),
    properties: Array.from({ length: count }, (_, index) => [`${name}${index}`, "value"] as const),
    eventTime: choices.chance(0.3) ? 2n ** 63n + BigInt(choices.below(100)) : null,
    isNull: choices.chance(0.05),
  };
}

function inputOf(
  choices: Choices,
  schema: SchemaInfo | null,
  payload: Buffer,
  messageFormat: MessageFormat,
): MessageInput {
  return { messageFormat, jsonFlatten: choices.chance(0.5), schema, message: messageParts(choices), payload };
}

async function encode(input: MessageInput, meter: Parameters<Target<MessageInput>["run"]>[1]): Promise<string> {
  const { schema, payload, messageFormat, jsonFlatten } = input;
  const format = createFormat(
    { messageFormat, jsonFlatten, jsonIncludeNonNulls: true },
    { schema: async () => schema },
  );
  const schemaVersion = schema === null ? null : Buffer.alloc(8);
  const message = messageOf({ ...input.message, payload, schemaVersion });
  meter.turn(() => partitionKey(message, TOPIC));
  await meter.turns(async () => await format.prepare(deliveryOf([message], TOPIC)));
  try {
    const record = meter.turn(() => format.encode(message, TOPIC));
    ensure((record?.length ?? 0) <= RECORD_LIMIT, `a record of ${record?.length} bytes`);
    if (messageFormat.includes("JSON") && record !== null && record.length < 1 << 16) {
      JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(record));
    }
    return "record";
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    return error.code;
  }
}

const base: Pick<Target<MessageInput>, "parts" | "allowedMillis" | "run"> = {
  parts: ({ payload, schema, message, ...options }) => ({
    options: JSON.stringify(options),
    schema: schema === null ? "none" : `${schema.type} ${JSON.stringify([...schema.properties])}`,
    definition: Buffer.from(schema?.data ?? []),
    message: JSON.stringify(message, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)).slice(
      0,
      2_000,
    ),
    payload,
  }),
  allowedMillis: ({ payload }) =>
    TURN_MILLIS + RECORD_MILLIS + MILLIS_PER_MIB * Math.max(0, payload.length / 2 ** 20 - 1),
  run: encode,
};

export const messages: Target<MessageInput> = {
  ...base,
  name: "messages",
  generate(choices) {
    const kind = choices.pick(Object.keys(PAYLOADS));
    const payload = PAYLOADS[kind]?.(choices) ?? Buffer.alloc(0);
    return inputOf(choices, SCHEMAS[kind] ?? null, payload, choices.pick(FORMATS));
  },
};

const AVRO_DEFINITION: unknown = {
  type: "record",
  name: "Order",
  namespace: "shop",
  fields: [
    { name: "id", type: "long" },
    { name: "state", type: { type: "enum", name: "State", symbols: ["NEW", "PAID"] } },
    { name: "price", type: ["null", { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 }], default: null },
    { name: "digest", type: { type: "fixed", name: "Digest", size: 4 } },
    { name: "lines", type: { type: "array", items: { type: "map", values: ["null", "Order", "string"] } } },
  ],
};

const PARSING_INFO = [
  { number: 1, name: "id", type: "INT64", label: "LABEL_OPTIONAL" },
  { number: 2, name: "lines", type: "MESSAGE", label: "LABEL_REPEATED" },
];
const DERIVED_DEFINITION = {
  type: "record",
  name: "M",
  namespace: "o.O",
  fields: [
    { name: "id", type: "long" },
    { name: "lines", type: { type: "array", items: "o.O.M" } },
  ],
};

/** The descriptors of the native schema that sound messages are of. */
const NATIVE = JSON.parse(Buffer.from(SCHEMAS["PROTOBUF"]?.data ?? []).toString()) as { fileDescriptorSet: string };
const DESCRIPTORS = parsed(Buffer.from(NATIVE.fileDescriptorSet, "base64"));

function native(choices: Choices): SchemaInfo {
  const bytes = encoded(mutated(DESCRIPTORS ?? [], choices), MOST_DEFINITION / 2);
  const rootMessageTypeName = choices.chance(0.1) ? choices.pick(["", "Empty", "a.b", "__proto__"]) : "Wide";
  const definition = { fileDescriptorSet: bytes.toString("base64"), rootMessageTypeName };
  const data = choices.chance(0.1) ? mutatedJson(definition, choices, MOST_DEFINITION) : JSON.stringify(definition);
  return { type: "PROTOBUF_NATIVE", data: Buffer.from(data as string), properties: new Map() };
}

function keyValue(choices: Choices): SchemaInfo {
  const definition = mutatedJson(AVRO_DEFINITION, choices, MOST_DEFINITION / 2);
  const half = Buffer.concat([int32(definition.length), definition]);
  const properties = {
    "key.schema.type": choices.pick(["AVRO", "STRING", "KEY_VALUE", "made up"]),
    "value.schema.type": "AVRO",
    "kv.encoding.type": choices.pick(["INLINE", "SEPARATED", ""]),
    "value.schema.properties": mutatedJson({ a: "b" }, choices, 1 << 16).toString("utf8"),
  };
  return {
    type: "KEY_VALUE",
    data: mutatedBytes(Buffer.concat([half, half]), choices, MOST_DEFINITION),
    properties: new Map(Object.entries(properties)),
  };
}

const DEFINITIONS: readonly ((choices: Choices) => SchemaInfo)[] = [
  (choices) => ({
    ...schemaInfo("AVRO"),
    data: mutatedJson(AVRO_DEFINITION, choices, MOST_DEFINITION),
  }),
  native,
  (choices) => ({
    type: "PROTOBUF",
    data: mutatedJson(DERIVED_DEFINITION, choices, MOST_DEFINITION),
    properties: new Map([["__PARSING_INFO__", mutatedJson(PARSING_INFO, choices, MOST_DEFINITION).toString("utf8")]]),
  }),
  keyValue,
  (choices) => schemaInfo(choices.bytes(10).toString("latin1")),
];

/** Schemas are what a producer registered, with any definition that the broker lets pass. */
export const schemas: Target<MessageInput> = {
  ...base,
  name: "schemas",
  generate(choices) {
    const schema = choices.pick(DEFINITIONS)(choices);
    const payload = choices.chance(0.5) ? avroPayload(choices) : protobufPayload(choices);
    const bounded = payload.subarray(0, 1 << 16);
    return inputOf(choices, schema, bounded, "FULL_MESSAGE_IN_JSON_EXPAND_VALUE");
  },
};

function protobufPayload(choices: Choices): Buffer {
  const writer = protobuf.Writer.create();
  for (let left = choices.below(6); left > 0; left--) writer.uint32(choices.below(120)).uint32(choices.below(300));
  return Buffer.from(writer.finish());
}
