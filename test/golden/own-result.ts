/**
 * What our formats are to make of an input on which the Java sink throws, or writes what we write better on purpose.
 * Derived from the rules, with other means than the formats themselves.
 */
import { decodeAvroExact } from "./avro-oracle.ts";
import { ExactNumber, parseExact } from "./exact-json.ts";
import type { Vector, VectorSchema } from "./vector.ts";

/** Our expanded document, flattened if the vector asks for it. Throws when the message has to be poison. */
export function ownDocument(vector: Vector): unknown {
  const { message, options } = vector;
  const payload = expandedPayload(vector);
  const fields: [string, unknown][] = [
    ["topicName", message.topic],
    ["key", message.key],
    ["payload", payload],
    ["properties", message.properties.length === 0 ? null : Object.fromEntries(message.properties)],
    ["eventTime", message.eventTime === null || message.eventTime === "0" ? null : new ExactNumber(message.eventTime)],
  ];
  const isAbsent = ([name, value]: [string, unknown]): boolean =>
    value === null && options.jsonIncludeNonNulls && !(name === "payload" && message.nullValue !== true);
  const document = Object.fromEntries(fields.filter((field) => !isAbsent(field)));
  return options.jsonFlatten ? Object.fromEntries(flatten(document, "")) : document;
}

/** Whether the rules ask for another result than the recorded one, though the Java sink did not throw. */
export function isBetterOnPurpose({ schema, options, message }: Vector): boolean {
  if (message.nullValue === true) return false;
  const schemas = schema?.type === "KEY_VALUE" ? [schema.keySchema, schema.valueSchema] : [schema];
  return schemas.some((part) => {
    const type = part?.type ?? "BYTES";
    if (options.jsonFlatten && (type === "BYTES" || type === "FLOAT")) return true;
    const definition = type === "AVRO" ? (JSON.parse(part?.definition ?? "null") as unknown) : null;
    return (
      some(definition, isUnionOfSeveral) ||
      some(definition, (at) => isTyped(at, "fixed") && at["logicalType"] === "uuid") ||
      some(definition, (at) => isTyped(at, "array") && at["items"] === "double") ||
      (options.jsonFlatten && some(definition, (at) => at === "float"))
    );
  });
}

function isUnionOfSeveral(at: unknown): boolean {
  return (
    Array.isArray(at) &&
    at.every((b) => typeof b !== "object" || "type" in b) &&
    at.filter((b) => b !== "null").length > 1
  );
}

function isTyped(at: unknown, type: string): at is Record<string, unknown> {
  return (
    typeof at === "object" && at !== null && !Array.isArray(at) && (at as Record<string, unknown>)["type"] === type
  );
}

/** Over the types of a schema: not its names, symbols and documentation. */
function some(schema: unknown, holds: (at: unknown) => boolean): boolean {
  if (holds(schema)) return true;
  if (Array.isArray(schema)) return schema.some((branch) => some(branch, holds));
  if (typeof schema !== "object" || schema === null) return false;
  const { type, items, values, fields } = schema as Record<string, unknown>;
  const inner = [type, items, values, ...(Array.isArray(fields) ? fields : [])];
  return inner.some((part) => part !== undefined && some(part, holds));
}

function expandedPayload({ schema, message }: Vector): unknown {
  const payload = Buffer.from(message.payloadBase64, "base64");
  if (schema?.type !== "KEY_VALUE") return message.nullValue === true ? null : expandedValue(schema, payload);
  if (schema.encoding === "SEPARATED") {
    const key = message.key === null ? null : Buffer.from(message.key, message.keyBase64Encoded ? "base64" : "utf8");
    return keyValue(schema, key, message.nullValue === true ? null : payload);
  }
  if (message.nullValue === true) return null;
  const keyLength = payload.readInt32BE(0);
  const valueAt = 4 + Math.max(keyLength, 0);
  const valueLength = payload.readInt32BE(valueAt);
  if (valueAt + 4 + valueLength > payload.length) throw new Error("truncated");
  return keyValue(
    schema,
    keyLength < 0 ? null : payload.subarray(4, valueAt),
    valueLength < 0 ? null : payload.subarray(valueAt + 4, valueAt + 4 + valueLength),
  );
}

function keyValue(schema: VectorSchema, key: Buffer | null, value: Buffer | null): object {
  return {
    ...(value === null ? {} : { value: expandedValue(schema.valueSchema ?? null, value) }),
    ...(key === null ? {} : { key: expandedValue(schema.keySchema ?? null, key) }),
  };
}

const LENGTHS: Readonly<Record<string, number>> = {
  BOOLEAN: 1,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FLOAT: 4,
  DOUBLE: 8,
  DATE: 8,
  TIME: 8,
  TIMESTAMP: 8,
  INSTANT: 12,
  LOCAL_DATE: 8,
  LOCAL_TIME: 8,
  LOCAL_DATE_TIME: 16,
};

function expandedValue(schema: VectorSchema | null, payload: Buffer): unknown {
  const type = schema?.type ?? "BYTES";
  if (type in LENGTHS && LENGTHS[type] !== payload.length) throw new Error("wrong length");
  switch (type) {
    case "BYTES":
      return payload.toString("base64");
    case "STRING":
      return payload.toString("utf8");
    case "JSON":
      return payload.length === 0 ? null : parseExact(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    case "AVRO":
      return decodeAvroExact(schema?.definition ?? "", payload);
    case "BOOLEAN":
      return payload[0] !== 0;
    case "FLOAT":
      return floatOf(payload.readFloatBE());
    case "DOUBLE":
      return Number.isFinite(payload.readDoubleBE())
        ? new ExactNumber(String(payload.readDoubleBE()))
        : String(payload.readDoubleBE());
    case "INSTANT":
      return `${dateTime(payload.readBigInt64BE(), BigInt(payload.readInt32BE(8)))}Z`;
    case "LOCAL_DATE":
      return dateTime(payload.readBigInt64BE() * 86_400n, 0n).slice(0, 10);
    case "LOCAL_TIME":
      return dateTime(0n, payload.readBigInt64BE()).slice(11);
    case "LOCAL_DATE_TIME":
      return dateTime(payload.readBigInt64BE() * 86_400n, payload.readBigInt64BE(8));
    case "TIME":
      return new Date(Number(payload.readBigInt64BE())).toISOString().slice(11, 19);
    case "INT8":
    case "INT16":
    case "INT32":
      return new ExactNumber(String(payload.readIntBE(0, payload.length)));
    case "INT64":
    case "DATE":
    case "TIMESTAMP":
      return new ExactNumber(String(payload.readBigInt64BE()));
    default:
      throw new Error(`no rule for ${type}`);
  }
}

/** As Java 17 prints it: at least two digits, and a power of two with the digits that its smaller neighbour asks for. */
function floatOf(value: number): unknown {
  if (!Number.isFinite(value)) return String(value);
  const isPowerOf2 = Number.isInteger(Math.log2(Math.abs(value)));
  const border = Math.max(Math.abs(value) * 2 ** -23, 2 ** -149) / 4;
  for (let digits = 2; digits <= 9; digits++) {
    const near = Number(value.toPrecision(digits));
    if (isPowerOf2 ? Math.abs(near - value) < border : Math.fround(near) === value)
      return new ExactNumber(String(near));
  }
  throw new Error("a float has at most 9 digits");
}

/** `2022-03-28T01:02:03.000000004`, for years of four digits. */
function dateTime(seconds: bigint, nanos: bigint): string {
  const total = seconds + nanos / 1_000_000_000n;
  const text = new Date(Number(total) * 1000).toISOString().slice(0, 19);
  const fraction = nanos % 1_000_000_000n;
  return fraction === 0n
    ? text
    : `${text}.${String(fraction)
        .padStart(9, "0")
        .replace(/(000){1,2}$/, "")}`;
}

/** json-flattener's rules. */
function* flatten(value: unknown, path: string): Generator<[string, unknown]> {
  const isContainer = typeof value === "object" && value !== null && !(value instanceof ExactNumber);
  if (!isContainer || Object.keys(value).length === 0) return yield [path, value];
  for (const [name, inner] of Object.entries(value))
    yield* flatten(inner, path + step(name, path, Array.isArray(value)));
}

function step(name: string, path: string, isArray: boolean): string {
  if (isArray) return `[${name}]`;
  if (/[.[\]]/.test(name)) return `["${JSON.stringify(name).slice(1, -1)}"]`;
  return path === "" ? name : `.${name}`;
}
