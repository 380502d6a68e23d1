/** AVRO schemas, compiled to functions that read one value from the wire and write it as JSON. */

import { PoisonError } from "../../format.ts";
import { doubleJson, floatJson } from "../../java/number.ts";
import { decodeJavaUtf8 } from "../../java/utf8.ts";
import { MemberLog } from "../../json/member-log.ts";
import { type JsonWriter, memberName } from "../../json/writer.ts";
import { withoutComments } from "./comments.ts";
import { decimalJson } from "./decimal.ts";
import { AvroReader, malformed, writeLong } from "./reader.ts";

/** Writes the next value of `state.reader`. */
type Decode = (state: AvroState, writer: JsonWriter) => void;

interface AvroState {
  readonly reader: AvroReader;
  readonly log: MemberLog;
}

/** A schema as its JSON text has it. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = { readonly [name: string]: Json };

interface Scope {
  /** Named types by full name. Filled while they are compiled, since they may refer to themselves. */
  readonly named: Map<string, Decode>;
  readonly namespace: string;
}

/**
 * 1,000 digits: far beyond the decimals of any database, and what Jackson reads in a JSON number. The time to print one
 * grows with the square of its length.
 */
const MAX_DECIMAL_BYTES = 415;
const MAX_SCALE = 1000;

const PRIMITIVES: Readonly<Record<string, Decode>> = {
  null: (_state, writer) => writer.literal("null"),
  boolean: ({ reader }, writer) => writer.literal(reader.boolean() ? "true" : "false"),
  int: ({ reader }, writer) => writer.int(reader.int()),
  long: ({ reader }, writer) => writeLong(writer, reader.long()),
  float: ({ reader }, writer) => writer.literal(floatJson(reader.float())),
  double: ({ reader }, writer) => writer.literal(doubleJson(reader.double())),
  bytes: ({ reader }, writer) => {
    const start = reader.skip(reader.size());
    writer.base64(reader.bytes, start, reader.at);
  },
  string: ({ reader }, writer) => {
    const start = reader.skip(reader.size());
    writer.utf8(reader.bytes, start, reader.at);
  },
};

/**
 * @param definition the schema's JSON text
 * @returns a decoder of payloads, which throws PoisonError Undecodable; bytes after the value do not count
 * @throws PoisonError UnsupportedSchema
 */
export function compileAvro(definition: string): (writer: JsonWriter, payload: Uint8Array) => void {
  const decode = compile(parse(definition), { named: new Map(), namespace: "" });
  const state: AvroState = { reader: new AvroReader(), log: new MemberLog() };
  return (writer, payload) => {
    state.reader.open(payload);
    state.log.reset(writer);
    decode(state, writer);
  };
}

function parse(definition: string): Json {
  try {
    return JSON.parse(withoutComments(definition)) as Json;
  } catch {
    throw unsupported("it is not JSON");
  }
}

function compile(schema: Json, scope: Scope): Decode {
  if (typeof schema === "string") return reference(schema, scope);
  if (Array.isArray(schema)) return union(schema as readonly Json[], scope);
  if (!isObject(schema)) throw unsupported("a type is neither a name nor an object nor a union");
  const { type } = schema;
  switch (type) {
    case "record":
    case "error":
      return record(schema, scope);
    case "enum":
      return enumeration(schema, scope);
    case "fixed":
      return define(schema, scope, fixed(schema));
    case "array":
      return array(compile(required(schema, "items"), scope));
    case "map":
      return map(compile(required(schema, "values"), scope));
    case "bytes":
      return decimalOf(schema, Number.POSITIVE_INFINITY) ?? reference(type, scope);
    default:
      return compile(required(schema, "type"), scope);
  }
}

function reference(name: string, scope: Scope): Decode {
  const primitive = Object.hasOwn(PRIMITIVES, name) ? PRIMITIVES[name] : undefined;
  if (primitive !== undefined) return primitive;
  const decode = scope.named.get(fullName(name, scope.namespace)) ?? scope.named.get(name);
  if (decode === undefined) throw unsupported(`the type ${name} is not defined`);
  return decode;
}

function fullName(name: string, namespace: string): string {
  return name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
}

/** Full name and namespace of a named type. */
function naming(schema: JsonObject, scope: Scope): { name: string; namespace: string } {
  const { name, namespace } = schema;
  if (typeof name !== "string") throw unsupported("a named type has no name");
  const dot = name.lastIndexOf(".");
  if (dot >= 0) return { name, namespace: name.slice(0, dot) };
  const inside = typeof namespace === "string" ? namespace : scope.namespace;
  return { name: fullName(name, inside), namespace: inside };
}

function define(schema: JsonObject, scope: Scope, decode: Decode): Decode {
  scope.named.set(naming(schema, scope).name, decode);
  return decode;
}

function record(schema: JsonObject, scope: Scope): Decode {
  const { name, namespace } = naming(schema, scope);
  let decode: Decode | undefined;
  // A field may refer to the record that is being compiled.
  scope.named.set(name, (state, writer) => decode?.(state, writer));
  const inner = { named: scope.named, namespace };
  const definitions = required(schema, "fields");
  if (!Array.isArray(definitions)) throw unsupported(`the fields of ${name} are not a list`);
  const fields = (definitions as readonly Json[]).map((field) => {
    if (!isObject(field) || typeof field["name"] !== "string") throw unsupported(`a field of ${name} has no name`);
    return { name: memberName(field["name"]), decode: compile(required(field, "type"), inner) };
  });
  decode = (state, writer) => {
    writer.objectStart();
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as (typeof fields)[number];
      writer.member(field.name);
      field.decode(state, writer);
    }
    writer.objectEnd();
  };
  return decode;
}

function enumeration(schema: JsonObject, scope: Scope): Decode {
  const symbols = required(schema, "symbols");
  if (!Array.isArray(symbols)) throw unsupported("the symbols of an enum are not a list");
  const texts = (symbols as readonly Json[]).map((symbol) => Buffer.from(JSON.stringify(symbol)));
  return define(schema, scope, ({ reader }, writer) => {
    const text = texts[reader.int()];
    if (text === undefined) throw malformed("an enum has an unknown symbol");
    writer.json(text, 0, text.length);
  });
}

function fixed(schema: JsonObject): Decode {
  const size = required(schema, "size");
  if (typeof size !== "number" || !Number.isInteger(size) || size < 0)
    throw unsupported("the size of a fixed is wrong");
  const decimal = decimalOf(schema, size);
  if (decimal !== null) return decimal;
  if (schema["logicalType"] === "uuid" && size === 16) {
    return ({ reader }, writer) => {
      const hex = Buffer.from(reader.bytes.subarray(reader.skip(16), reader.at)).toString("hex");
      writer.literal(`"${hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}"`);
    };
  }
  return ({ reader }, writer) => {
    const start = reader.skip(size);
    writer.base64(reader.bytes, start, reader.at);
  };
}

/** A logical type that breaks AVRO's rules does not count: the value is then plain bytes. */
function decimalOf(schema: JsonObject, size: number): Decode | null {
  const { logicalType, precision, scale = 0 } = schema;
  if (logicalType !== "decimal" || typeof precision !== "number" || typeof scale !== "number") return null;
  if (!Number.isInteger(precision) || !Number.isInteger(scale) || precision <= 0) return null;
  const digits = Math.floor(Math.log10(2) * (8 * size - 1));
  if (scale < 0 || scale > precision || precision > digits) return null;
  if (scale > MAX_SCALE) throw unsupported(`a decimal has a scale above ${MAX_SCALE}`);
  return ({ reader }, writer) => {
    const start = reader.skip(size === Number.POSITIVE_INFINITY ? reader.size() : size);
    if (reader.at === start) throw malformed("a decimal has no bytes");
    if (reader.at - start > MAX_DECIMAL_BYTES) throw malformed(`a decimal has more than ${MAX_DECIMAL_BYTES} bytes`);
    writer.literal(decimalJson(reader.bytes.subarray(start, reader.at), scale));
  };
}

function union(branches: readonly Json[], scope: Scope): Decode {
  const decoders = branches.map((branch) => compile(branch, scope));
  return (state, writer) => {
    const decode = decoders[state.reader.int()];
    if (decode === undefined) throw malformed("a union has an unknown branch");
    decode(state, writer);
  };
}

function array(item: Decode): Decode {
  return (state, writer) => {
    writer.arrayStart();
    for (let left = state.reader.blockCount(); left > 0; left = state.reader.blockCount()) {
      for (; left > 0; left--) {
        writer.element();
        item(state, writer);
      }
    }
    writer.arrayEnd();
  };
}

function map(value: Decode): Decode {
  return (state, writer) => {
    const { reader, log } = state;
    writer.objectStart();
    log.open();
    for (let left = reader.blockCount(); left > 0; left = reader.blockCount()) {
      for (; left > 0; left--) {
        key(state, writer, reader.skip(reader.size()));
        value(state, writer);
      }
    }
    log.close();
    writer.objectEnd();
  };
}

function key({ reader, log }: AvroState, writer: JsonWriter, start: number): void {
  const { bytes, at: end } = reader;
  let hash = 0;
  let plain = true;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    hash = (Math.imul(hash, 31) + byte) | 0;
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) plain = false;
  }
  log.add(writer, bytes, start, end, hash);
  if (plain) writer.memberJson(bytes, start, end);
  else writer.member(memberName(decodeJavaUtf8(bytes.subarray(start, end))));
}

function required(schema: JsonObject, property: string): Json {
  const value = schema[property];
  if (value === undefined) throw unsupported(`a type has no ${property}`);
  return value;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unsupported(reason: string): PoisonError {
  return new PoisonError(
    "UnsupportedSchema",
    `The AVRO schema of the message cannot be used: ${reason}. Register a correct schema, or choose another messageFormat.`,
  );
}
