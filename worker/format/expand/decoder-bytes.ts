/** What compiled decoders take on the heap, told from the schema before they are made. */
import type { SchemaInfo } from "../../source/source.ts";
import { PoisonError } from "../format.ts";
import { splitKeyValueSchema } from "./key-value.ts";

/** Bytes. No schema that people write comes near it; one that is made for the purpose would take the whole heap. */
const MOST_DECODER_BYTES = 16 * 1024 * 1024;

/** Measured on Node.js 24, rounded up. */
const DECODER = 1000;
const PROPERTY = 150;
const JSON_DOCUMENT = 5000;
/** For each sign in an AVRO definition that may begin a type, a field or a symbol. */
const AVRO_SIGN = 120;
/** For each byte of a PROTOBUF_NATIVE definition, which holds the descriptors in base64. */
const NATIVE_BYTE = 25;
/** The types that Google defines, which each PROTOBUF decoder has by itself, and one field. */
const PROTOBUF_TYPES = 50_000;
const PROTOBUF_FIELD = 600;

const OPEN_BRACE = 0x7b;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const COLON = 0x3a;

/** Bytes, those of the schema itself among them. */
export function decoderBytes(schema: SchemaInfo): number {
  let bytes = DECODER + schema.data.length;
  for (const [name, value] of schema.properties) bytes += PROPERTY + name.length + value.length;
  return bytes + compiledBytes(schema);
}

/** @throws PoisonError UnsupportedSchema, before memory is taken for what would not leave any to others */
export function refuseTooComplex(schema: SchemaInfo): void {
  const bytes = decoderBytes(schema);
  if (bytes <= MOST_DECODER_BYTES) return;
  const megabytes = Math.ceil(bytes / 1024 / 1024);
  throw new PoisonError(
    "UnsupportedSchema",
    `A decoder of the ${schema.type} schema of the message would take ${megabytes} MiB, and may take ` +
      `${MOST_DECODER_BYTES / 1024 / 1024}: register a smaller schema, or choose another messageFormat.`,
  );
}

function compiledBytes(schema: SchemaInfo): number {
  const { type, data, properties } = schema;
  switch (type) {
    case "JSON":
      return JSON_DOCUMENT;
    case "AVRO":
      return AVRO_SIGN * signs(data);
    case "PROTOBUF_NATIVE":
      return NATIVE_BYTE * data.length;
    case "PROTOBUF": {
      let fields = 0;
      for (const value of properties.values()) fields += count(value, "{");
      return PROTOBUF_TYPES + PROTOBUF_FIELD * fields;
    }
    case "KEY_VALUE":
      return keyValueBytes(schema);
    default:
      return 0;
  }
}

function keyValueBytes(schema: SchemaInfo): number {
  try {
    const { key, value } = splitKeyValueSchema(schema);
    // One inside another is not expanded.
    return [key, value].reduce((sum, part) => sum + (part.type === "KEY_VALUE" ? 0 : decoderBytes(part)), 0);
  } catch {
    // Nothing is compiled of what does not tell its parts.
    return 0;
  }
}

function signs(json: Uint8Array): number {
  let found = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === COMMA || byte === COLON || byte === OPEN_BRACE || byte === OPEN_BRACKET) found++;
  }
  return found;
}

function count(text: string, sign: string): number {
  let found = 0;
  for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + 1)) found++;
  return found;
}
