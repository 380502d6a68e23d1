/**
 * Random messages × formats × schemas: `fuzz.ts [CASES]` (default 100,000). Whatever comes, a format makes a record or
 * throws a PoisonError; a record of a JSON format is JSON.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { createFormat } from "../../../worker/format/create.ts";
import { refuseDefect } from "../../../worker/format/defect.ts";
import { type MessageFormat, PoisonError } from "../../../worker/format/format.ts";
import { partitionKey } from "../../../worker/format/partition-key.ts";
import type { Defect, SchemaInfo } from "../../../worker/source/source.ts";
import { deliveryOf, messageOf } from "./message.ts";

const TOPIC = "persistent://public/default/in-partition-1";
const CHECKSUM: Defect = { code: "CorruptEntry", message: "the checksum does not match" };
const VERSION = Buffer.from("0000000000000001", "hex");

const FORMATS: readonly MessageFormat[] = [
  "ONLY_RAW_PAYLOAD",
  "FULL_MESSAGE_IN_JSON",
  "FULL_MESSAGE_IN_FB",
  "FULL_MESSAGE_IN_JSON_EXPAND_VALUE",
  "FULL_MESSAGE_IN_JSON_EXPAND_VALUE",
  "FULL_MESSAGE_IN_JSON_EXPAND_VALUE",
];
const PRIMITIVES =
  "BYTES STRING BOOLEAN INT8 INT16 INT32 INT64 FLOAT DOUBLE DATE TIME TIMESTAMP INSTANT LOCAL_DATE LOCAL_TIME LOCAL_DATE_TIME";
const UNICODE = fc.string({ unit: "binary", maxLength: 12 });
const NAME = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);

const { avro } = fc.letrec<{ avro: unknown }>((tie) => ({
  avro: fc.oneof(
    { maxDepth: 4, depthIdentifier: "avro" },
    fc.constantFrom("null", "boolean", "int", "long", "float", "double", "bytes", "string", "Undefined"),
    fc.record({
      type: fc.constantFrom("bytes", "string", "int", "long"),
      logicalType: fc.constantFrom("decimal", "uuid", "date", "made-up"),
      precision: fc.integer({ min: -1, max: 40 }),
      scale: fc.integer({ min: -1, max: 40 }),
    }),
    fc.record({
      type: fc.constant("fixed"),
      name: NAME,
      size: fc.integer({ min: -1, max: 20 }),
      logicalType: fc.constantFrom("decimal", "uuid", "duration"),
      precision: fc.integer({ min: 1, max: 20 }),
    }),
    fc.record({ type: fc.constant("enum"), name: NAME, symbols: fc.array(NAME, { maxLength: 3 }) }),
    fc.record({ type: fc.constant("array"), items: tie("avro") }),
    fc.record({ type: fc.constant("map"), values: tie("avro") }),
    fc.array(tie("avro"), { maxLength: 3 }),
    fc.record({
      type: fc.constant("record"),
      name: fc.constantFrom("A", "B", "n.C"),
      fields: fc.array(fc.record({ name: NAME, type: fc.oneof(tie("avro"), fc.constantFrom("A", ["null", "A"])) }), {
        maxLength: 4,
      }),
    }),
  ),
}));

const definition = fc.oneof(
  { weight: 8, arbitrary: avro.map((schema) => JSON.stringify(schema)) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: UNICODE },
);

const protobufDefinition = fc
  .uint8Array({ maxLength: 60 })
  .map((bytes) =>
    JSON.stringify({ fileDescriptorSet: Buffer.from(bytes).toString("base64"), rootMessageTypeName: "A" }),
  );

/** What an inner message looks like in the AVRO definition that Java derives. */
const innerType = fc.constantFrom<(field: string) => unknown>(
  () => "int",
  () => ["null", "M"],
  () => ({ type: "array", items: "o.O.M" }),
  () => ["null", { type: "record", name: "Timestamp", namespace: "com.google.protobuf", fields: [] }],
  () => ["null", { type: "record", name: "Struct", namespace: "com.google.protobuf", fields: [] }],
  () => ({ type: "array", items: { type: "record", name: "Any", namespace: "com.google.protobuf", fields: [] } }),
  () => ({ type: "record", name: "Unknown", namespace: "com.google.protobuf", fields: [] }),
  (field) => ({
    type: "array",
    items: {
      ...{ type: "record", name: `${field.charAt(0).toUpperCase()}${field.slice(1)}Entry`, namespace: "o.O$M" },
      fields: [
        { name: "key", type: "string" },
        { name: "value", type: "double" },
      ],
    },
  }),
);

const parsingInfo = fc
  .array(
    fc.record({
      number: fc.integer({ min: -1, max: 20 }),
      name: NAME,
      type: fc.constantFrom("INT32", "INT64", "STRING", "BYTES", "DOUBLE", "FLOAT", "BOOL", "ENUM", "MESSAGE", "GROUP"),
      label: fc.constantFrom("LABEL_OPTIONAL", "LABEL_REPEATED"),
    }),
    { maxLength: 5 },
  )
  .chain((fields) =>
    fc.array(innerType, { minLength: fields.length, maxLength: fields.length }).map((types) => ({
      properties: new Map([["__PARSING_INFO__", JSON.stringify(fields)]]),
      data: JSON.stringify({
        ...{ type: "record", name: "M", namespace: "o.O" },
        fields: fields.map(({ name }, index) => ({ name, type: types[index]?.(name) })),
      }),
    })),
  );

function schemaInfo(type: string, data: string | Uint8Array = "", properties = new Map<string, string>()): SchemaInfo {
  return { type, data: Buffer.from(data as string), properties };
}

const simpleSchema: fc.Arbitrary<SchemaInfo> = fc.oneof(
  fc.constantFrom(...PRIMITIVES.split(" "), "JSON", "NONE", "AUTO_CONSUME").map((type) => schemaInfo(type)),
  fc.constant(schemaInfo("JSON")),
  definition.map((text) => schemaInfo("AVRO", text)),
  fc.oneof(definition, protobufDefinition).map((text) => schemaInfo("PROTOBUF_NATIVE", text)),
  fc
    .option(parsingInfo, { nil: { data: "{}", properties: new Map<string, string>() } })
    .map(({ data, properties }) => schemaInfo("PROTOBUF", data, properties)),
);

const keyValueSchema = fc
  .record({ key: simpleSchema, value: simpleSchema, encoding: fc.constantFrom("INLINE", "SEPARATED"), cut: fc.nat(3) })
  .map(({ key, value, encoding, cut }) => {
    const data = Buffer.concat([key, value].flatMap(({ data: part }) => [int32(part.length), part]));
    const properties = new Map([
      ["key.schema.type", key.type],
      ["value.schema.type", value.type],
      ["kv.encoding.type", encoding],
      ["value.schema.properties", JSON.stringify(Object.fromEntries(value.properties))],
    ]);
    return schemaInfo("KEY_VALUE", data.subarray(0, cut === 0 ? data.length >> 1 : data.length), properties);
  });

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Mostly small bytes: they make lengths, branches and counts that fit. */
const smallBytes = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 12 }), fc.nat(255)), { maxLength: 40 })
  .map((b) => Buffer.from(b));
const jsonText = fc.json({ maxDepth: 4 });
const payload: fc.Arbitrary<Buffer> = fc.oneof(
  smallBytes,
  jsonText.map((text) => Buffer.from(text)),
  fc.tuple(jsonText, fc.nat(60), fc.nat(255)).map(([text, at, byte]) => {
    const bytes = Buffer.from(text);
    if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  }),
  fc.tuple(smallBytes, smallBytes).map(([a, b]) => Buffer.concat([int32(a.length), a, int32(b.length), b])),
  fc
    .constantFrom(1, 2, 4, 8, 12, 16)
    .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
    .map((b) => Buffer.from(b)),
);

const encryption = fc.record({
  keys: fc.array(
    fc.record({
      name: UNICODE,
      key: smallBytes,
      metadata: fc.array(fc.tuple(UNICODE, UNICODE)).map((m) => new Map(m)),
    }),
  ),
  param: smallBytes,
  algorithm: UNICODE,
  compressionType: fc.constantFrom("NONE" as const, "LZ4" as const, "ZSTD" as const, null),
  uncompressedMessageSize: fc.option(fc.integer()),
  batchSize: fc.option(fc.integer()),
});

const fuzzCase = fc.record({
  messageFormat: fc.constantFrom(...FORMATS),
  jsonIncludeNonNulls: fc.boolean(),
  jsonFlatten: fc.boolean(),
  schema: fc.oneof({ weight: 5, arbitrary: simpleSchema }, { weight: 2, arbitrary: keyValueSchema }, fc.constant(null)),
  payload,
  key: fc.option(
    fc.oneof(
      UNICODE,
      smallBytes.map((bytes) => bytes.toString("base64")),
    ),
  ),
  keyIsBase64: fc.boolean(),
  properties: fc.array(fc.tuple(UNICODE, UNICODE), { maxLength: 4 }),
  eventTime: fc.option(fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }))),
  isNull: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  hasVersion: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
  encryption: fc.oneof({ weight: 20, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: encryption }),
  defect: fc.integer({ min: 0, max: 49 }).map((n) => (n === 0 ? CHECKSUM : null)),
});

/** @returns the outcomes by their number, so that a run can be seen to have met them all */
export async function fuzz(cases: number, seed?: number): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  const property = fc.asyncProperty(fuzzCase, async ({ schema, hasVersion, ...parts }) => {
    const format = createFormat(parts, { schema: async () => schema });
    const message = messageOf({ ...parts, schemaVersion: hasVersion ? VERSION : null });
    const key = partitionKey(message, TOPIC);
    assert.ok(key.length > 0 && key.length <= 256 && key.isWellFormed());
    let outcome = "record";
    await format.prepare(deliveryOf([message], TOPIC));
    try {
      refuseDefect(message);
      const record = format.encode(message, TOPIC);
      if (/JSON/.test(parts.messageFormat)) JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(record));
    } catch (error) {
      if (!(error instanceof PoisonError)) throw error;
      outcome = error.code;
      assert.match(error.message, /^[A-Z].*\.$/s);
    }
    const name = `${parts.messageFormat.replace("FULL_MESSAGE_IN_", "")} ${schema?.type ?? "none"} ${outcome}`;
    outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
  });
  await fc.assert(property, { numRuns: cases, ...(seed === undefined ? {} : { seed }) });
  return outcomes;
}

if (import.meta.main) {
  const outcomes = await fuzz(Number(process.argv[2] ?? 100_000));
  for (const [name, count] of [...outcomes].sort()) console.log(`${String(count).padStart(7)}  ${name}`);
}
