/** PROTOBUF and PROTOBUF_NATIVE schemas, made into decoders by protobufjs. */
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import { PoisonError } from "../../format.ts";
import type { DecodeValue } from "../../json/writer.ts";
import { type Inner, innerMessages } from "./inner.ts";
import { ProtobufJson } from "./json.ts";

/** Where Java's PROTOBUF schema keeps the fields of the message; its definition, made for AVRO, lacks their numbers. */
const PARSING_INFO = "__PARSING_INFO__";

/** No name that somebody would give to a message: an Any may name any type. */
const ROOT = "__MESSAGE_OF_THE_SCHEMA__";

/** struct.proto; the library's own copy has the names of JSON instead of the descriptor's. */
const STRUCT = `
  syntax = "proto3";
  package google.protobuf;
  message Struct { map<string, Value> fields = 1; }
  message Value {
    oneof kind {
      NullValue null_value = 1;
      double number_value = 2;
      string string_value = 3;
      bool bool_value = 4;
      Struct struct_value = 5;
      ListValue list_value = 6;
    }
  }
  enum NullValue { NULL_VALUE = 0; }
  message ListValue { repeated Value values = 1; }`;

interface ParsingInfo {
  readonly number: number;
  readonly name: string;
  /** As in descriptors: `INT64`, `STRING`, `MESSAGE`, … */
  readonly type: string;
  /** `LABEL_REPEATED`, … */
  readonly label: string;
}

/**
 * @param definition JSON text that holds a FileDescriptorSet and the name of the root message
 * @throws PoisonError UnsupportedSchema
 */
export function compileProtobufNative(definition: string): DecodeValue {
  const parsed = JSON.parse(definition) as { fileDescriptorSet?: string; rootMessageTypeName?: string };
  const { fileDescriptorSet, rootMessageTypeName } = parsed;
  if (typeof fileDescriptorSet !== "string" || typeof rootMessageTypeName !== "string") {
    throw unsupported("its definition has no descriptors");
  }
  const root = protobuf.Root.fromDescriptor(Buffer.from(fileDescriptorSet, "base64"), { keepCase: true });
  root.resolveAll();
  return decoder(root.lookupType(rootMessageTypeName));
}

/**
 * A field that is itself a message becomes its bytes, in base64, unless its numbers are known all the same (see
 * `innerMessages`); an enum's values stay numbers.
 *
 * @param definition the schema as Java derives it for AVRO
 * @throws PoisonError UnsupportedSchema
 */
export function compileProtobuf(definition: string, properties: ReadonlyMap<string, string>): DecodeValue {
  const text = properties.get(PARSING_INFO);
  if (text === undefined) throw unsupported("it does not tell the numbers of the fields");
  const inner = innerMessages(definition);
  const root = googleTypes();
  const type = new protobuf.Type(ROOT);
  for (const info of JSON.parse(text) as readonly ParsingInfo[]) {
    if (info.type === "GROUP") throw unsupported("it has a group");
    type.add(fieldOf(info, inner.get(info.name) ?? null, root));
  }
  root.add(type);
  root.resolveAll();
  return decoder(type);
}

function fieldOf(info: ParsingInfo, inner: Inner | null, root: protobuf.Root): protobuf.ReflectionObject {
  const { number, name, type, label } = info;
  const rule = label === "LABEL_REPEATED" ? "repeated" : undefined;
  if (type === "ENUM") return new protobuf.Field(name, number, "int32", rule);
  if (type !== "MESSAGE") return new protobuf.Field(name, number, type.toLowerCase(), rule);
  if (inner?.kind === "map" && rule !== undefined) return new protobuf.MapField(name, number, "string", inner.value);
  if (inner?.kind === "root") return new protobuf.Field(name, number, ROOT, rule);
  const isKnown = inner?.kind === "known" && root.lookup(inner.type) !== null;
  return new protobuf.Field(name, number, isKnown ? inner.type : "bytes", rule);
}

/** The types that Google defines and JSON has forms for. */
function googleTypes(): protobuf.Root {
  const root = new protobuf.Root();
  for (const name of ["any", "duration", "empty", "field_mask", "timestamp", "wrappers"]) {
    root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {});
  }
  protobuf.parse(STRUCT, root, { keepCase: true });
  return root;
}

function decoder(type: protobuf.Type): DecodeValue {
  const json = new ProtobufJson();
  return (writer, payload) => {
    json.begin();
    json.message(writer, type, decodeMessage(json, type, payload));
  };
}

function decodeMessage(json: ProtobufJson, type: protobuf.Type, payload: Uint8Array): object {
  try {
    return json.decode(type, payload);
  } catch (error) {
    if (error instanceof PoisonError) throw error;
    throw new PoisonError("Undecodable", "The payload is not the protobuf message that its schema describes.");
  }
}

function unsupported(reason: string): PoisonError {
  return new PoisonError(
    "UnsupportedSchema",
    `The protobuf schema of the message cannot be used: ${reason}. Use a PROTOBUF_NATIVE schema, or choose another messageFormat.`,
  );
}
