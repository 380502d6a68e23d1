/**
 * What our formats are to make of an input on which the Java sink throws, or writes what we write better on purpose.
 * Derived from the rules, with other means than the formats themselves.
 */
import { decodeAvroExact } from "./avro-oracle.ts";
import { BinaryNumber, ExactNumber, parseFirst } from "./exact-json.ts";
import { isoDateTime } from "./iso-oracle.ts";
import { decodeProtobuf, decodeProtobufNative } from "./protobuf-oracle.ts";
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

/** Our FULL_MESSAGE_IN_JSON. */
export function ownEnvelope({ message }: Vector): object {
  const { payloadBase64, properties, encryptionContext: context } = message;
  const envelope = { payloadBase64, properties: Object.fromEntries(properties) };
  if (context === undefined) return envelope;
  const { compressionType, uncompressedMessageSize: size, batchSize } = context;
  const keysWithMetadata = context.keys.filter(({ metadata }) => metadata.length > 0);
  const encryptionCtx = {
    keysMapBase64: Object.fromEntries(context.keys.map(({ key, valueBase64 }) => [key, valueBase64])),
    keysMetadataMap: Object.fromEntries(
      keysWithMetadata.map(({ key, metadata }) => [key, Object.fromEntries(metadata)]),
    ),
    encParamBase64: context.paramBase64,
    algorithm: context.algorithm,
    ...(compressionType === null ? {} : { compressionType, uncompressedMessageSize: exactInteger(size ?? 0) }),
    ...(batchSize === null ? {} : { batchSize: exactInteger(batchSize) }),
  };
  return { ...envelope, encryptionCtx };
}

function exactInteger(value: number): ExactNumber {
  return new ExactNumber(String(value));
}

/** Whether the rules ask for another result than the recorded one, though the Java sink did not throw. */
export function isBetterOnPurpose({ schema, options, message }: Vector): boolean {
  if (message.nullValue === true && schema?.type !== "KEY_VALUE") return false;
  const schemas = schema?.type === "KEY_VALUE" ? [schema.keySchema, schema.valueSchema] : [schema];
  return schemas.some((part) => {
    const type = part?.type ?? "BYTES";
    if (options.jsonFlatten && (type === "BYTES" || type === "FLOAT")) return true;
    const definition = type === "AVRO" ? parsed(part?.definition ?? "") : null;
    return (
      some(definition, isUnionOfSeveral) ||
      some(definition, (at) => isTyped(at, "fixed") && at["logicalType"] === "uuid" && at["size"] === 16) ||
      some(definition, (at) => isTyped(at, "array") && isDouble(at["items"])) ||
      (options.jsonFlatten && some(definition, (at) => at === "float"))
    );
  });
}

/** Null for what is not plain JSON. */
function parsed(definition: string): unknown {
  try {
    return JSON.parse(definition);
  } catch {
    return null;
  }
}

function isUnionOfSeveral(at: unknown): boolean {
  return (
    Array.isArray(at) &&
    at.every((b) => typeof b !== "object" || "type" in b) &&
    at.filter((b) => b !== "null").length > 1
  );
}

function isDouble(type: unknown): boolean {
  return type === "double" || isTyped(type, "double");
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
  if (keyLength < -1 || valueLength < -1) throw new Error("no length");
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
    case "NONE":
      return payload.toString("base64");
    case "STRING":
      return payload.toString("utf8");
    case "JSON":
      return firstJson(payload);
    case "AVRO":
      return decodeAvroExact(schema?.definition ?? "", payload);
    case "PROTOBUF_NATIVE":
      return decodeProtobufNative(schema?.definition ?? "", payload);
    case "PROTOBUF":
      return decodeProtobuf(schema?.properties["__PARSING_INFO__"] ?? "", payload);
    case "BOOLEAN":
      return payload[0] !== 0;
    case "FLOAT":
      return binary(payload.readFloatBE(), 9);
    case "DOUBLE":
      return binary(payload.readDoubleBE(), 17);
    case "INSTANT":
      return `${instant(payload.readBigInt64BE(), BigInt(payload.readInt32BE(8)))}Z`;
    case "LOCAL_DATE":
      return isoDateTime(payload.readBigInt64BE(), 0n).split("T")[0];
    case "LOCAL_TIME":
      return isoDateTime(0n, payload.readBigInt64BE()).split("T")[1];
    case "LOCAL_DATE_TIME":
      return isoDateTime(payload.readBigInt64BE(), payload.readBigInt64BE(8));
    case "TIME":
      return /T(.{8})/.exec(instant(0n, payload.readBigInt64BE() * 1_000_000n))?.[1];
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

function binary(value: number, digits: 9 | 17): unknown {
  return Number.isFinite(value) ? new BinaryNumber(value, digits) : String(value);
}

const NANOS_PER_DAY = 86_400_000_000_000n;

function instant(seconds: bigint, nanos: bigint): string {
  const total = seconds * 1_000_000_000n + nanos;
  const nanoOfDay = ((total % NANOS_PER_DAY) + NANOS_PER_DAY) % NANOS_PER_DAY;
  return isoDateTime((total - nanoOfDay) / NANOS_PER_DAY, nanoOfDay, 1_000_000_000);
}

const MAX_EXPONENT = 2 ** 31 - 1;

/** A backslash, a pair of surrogates, or half a pair. */
const ESCAPE = /\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]../g;

/** What follows the first value does not count, and half a surrogate pair is `?`. */
function firstJson(payload: Buffer): unknown {
  if (payload.length === 0) return null;
  const decoded = new TextDecoder("utf-8", { fatal: true }).decode(payload);
  const text = decoded.replace(ESCAPE, (part) => (part.length === 6 ? "?" : part));
  const exponents = [...text.replace(/"(?:[^"\\]|\\.)*"/g, "").matchAll(/[eE][+-]?(\d+)/g)];
  if (exponents.some(([, exponent]) => Number(exponent) > MAX_EXPONENT)) throw new Error("no decimal of Java's");
  return parseFirst(text).value;
}

/** json-flattener's rules. */
function* flatten(value: unknown, path: string): Generator<[string, unknown]> {
  const isContainer = typeof value === "object" && value !== null && !isNumber(value);
  if (!isContainer || Object.keys(value).length === 0) return yield [path, value];
  for (const [name, inner] of Object.entries(value))
    yield* flatten(inner, path + step(name, path, Array.isArray(value)));
}

function isNumber(value: unknown): boolean {
  return value instanceof ExactNumber || value instanceof BinaryNumber;
}

function step(name: string, path: string, isArray: boolean): string {
  if (isArray) return `[${name}]`;
  if (/[.[\]]/.test(name))
    return `["${name.replace(/["\\\b\n\t\f\r]/g, (special) => JSON.stringify(special).slice(1, -1))}"]`;
  return path === "" ? name : `.${name}`;
}
