/** KEY_VALUE schemas: two values, each with a schema of its own, in one message. */
import type { Message, SchemaInfo } from "../../source/source.ts";
import { PoisonError } from "../format.ts";
import type { DecodeValue } from "../json/writer.ts";
import { type JsonWriter, memberName } from "../json/writer.ts";

const KEY = memberName("key");
const VALUE = memberName("value");

/** The two schemas of a KEY_VALUE schema. */
export interface KeyValueSchema {
  /** The key is the message's key; else both are in the payload. */
  readonly separated: boolean;
  readonly key: SchemaInfo;
  readonly value: SchemaInfo;
}

/**
 * @param schema its data holds both definitions, each after its length in four bytes; its properties the types
 * @throws PoisonError UnsupportedSchema
 */
export function splitKeyValueSchema(schema: SchemaInfo): KeyValueSchema {
  const parts = splitPair(schema.data);
  const key = schema.properties.get("key.schema.type");
  const value = schema.properties.get("value.schema.type");
  if (parts === null || key === undefined || value === undefined) {
    throw new PoisonError(
      "UnsupportedSchema",
      "The KEY_VALUE schema of the message does not tell the schemas of key and value; register it again.",
    );
  }
  return {
    separated: schema.properties.get("kv.encoding.type") === "SEPARATED",
    key: { type: key, data: parts[0] ?? EMPTY, properties: propertiesOf(schema, "key.schema.properties") },
    value: { type: value, data: parts[1] ?? EMPTY, properties: propertiesOf(schema, "value.schema.properties") },
  };
}

const EMPTY = new Uint8Array();

function propertiesOf({ properties }: SchemaInfo, name: string): ReadonlyMap<string, string> {
  try {
    const parsed: unknown = JSON.parse(properties.get(name) ?? "{}");
    return new Map(Object.entries(parsed ?? {}).map(([key, value]) => [key, String(value)]));
  } catch {
    return new Map();
  }
}

/** Two byte strings, each after its length; -1 stands for null. Null when `bytes` is not of that form. */
function splitPair(bytes: Uint8Array): [Uint8Array | null, Uint8Array | null] | null {
  const first = lengthAt(bytes, 0);
  if (first === null) return null;
  const next = 4 + Math.max(first, 0);
  const second = lengthAt(bytes, next);
  if (second === null) return null;
  return [first < 0 ? null : bytes.subarray(4, next), second < 0 ? null : bytes.subarray(next + 4, next + 4 + second)];
}

function lengthAt(bytes: Uint8Array, at: number): number | null {
  if (bytes.length < at + 4) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getInt32(0);
  return length < -1 || length > bytes.length - at - 4 ? null : length;
}

/** Writes `{"value": …, "key": …}`, without what is null. */
export function writeKeyValue(
  writer: JsonWriter,
  message: Message,
  separated: boolean,
  decodeKey: DecodeValue,
  decodeValue: DecodeValue,
): void {
  const pair = separated
    ? [separatedKey(message), message.isNull ? null : message.payload]
    : splitPair(message.payload);
  if (pair === null) {
    throw new PoisonError("Undecodable", "The payload is not a key and a value, each after its length in four bytes.");
  }
  const [key, value] = pair;
  writer.objectStart();
  if (value != null) {
    writer.member(VALUE);
    decodeValue(writer, value);
  }
  if (key != null) {
    writer.member(KEY);
    decodeKey(writer, key);
  }
  writer.objectEnd();
}

function separatedKey({ key, keyIsBase64 }: Message): Uint8Array | null {
  return key === null ? null : Buffer.from(key, keyIsBase64 ? "base64" : "utf8");
}
