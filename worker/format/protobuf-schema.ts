/** PROTOBUF and PROTOBUF_NATIVE schemas, made into decoders by protobufjs. */
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import { PoisonError } from "./format.ts";
import type { DecodeValue } from "./primitive.ts";
import { ProtobufJson } from "./protobuf-json.ts";

/** Where Java's PROTOBUF schema keeps the fields of the message; its definition, made for AVRO, lacks their numbers. */
const PARSING_INFO = "__PARSING_INFO__";

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
 * A field that is itself a message cannot be read, since the schema does not tell the numbers of its fields; an enum's
 * values stay numbers for the same reason.
 *
 * @throws PoisonError UnsupportedSchema
 */
export function compileProtobuf(properties: ReadonlyMap<string, string>): DecodeValue {
  const text = properties.get(PARSING_INFO);
  if (text === undefined) throw unsupported("it does not tell the numbers of the fields");
  const type = new protobuf.Type("Root");
  const opaque: string[] = [];
  for (const { number, name, type: kind, label } of JSON.parse(text) as readonly ParsingInfo[]) {
    if (kind === "GROUP") throw unsupported("it has a group");
    if (kind === "MESSAGE") opaque.push(name);
    const fieldType = kind === "MESSAGE" ? "bytes" : kind === "ENUM" ? "int32" : kind.toLowerCase();
    type.add(new protobuf.Field(name, number, fieldType, label === "LABEL_REPEATED" ? "repeated" : undefined));
  }
  new protobuf.Root().add(type);
  type.root.resolveAll();
  const decode = decoder(type);
  if (opaque.length === 0) return decode;
  return (writer, payload) => {
    const message = decodeMessage(type, payload);
    if (opaque.some((name) => isPresent(message, name))) {
      throw unsupported("it does not tell the fields of the messages inside the message");
    }
    decode(writer, payload);
  };
}

function isPresent(message: object, name: string): boolean {
  const value: unknown = Object.hasOwn(message, name) ? Reflect.get(message, name) : undefined;
  return value != null && !(Array.isArray(value) && value.length === 0);
}

function decoder(type: protobuf.Type): DecodeValue {
  const json = new ProtobufJson();
  return (writer, payload) => {
    json.message(writer, type, decodeMessage(type, payload));
  };
}

function decodeMessage(type: protobuf.Type, payload: Uint8Array): protobuf.Message {
  try {
    return type.decode(payload);
  } catch {
    throw new PoisonError("Undecodable", "The payload is not the protobuf message that its schema describes.");
  }
}

function unsupported(reason: string): PoisonError {
  return new PoisonError(
    "UnsupportedSchema",
    `The protobuf schema of the message cannot be used: ${reason}. Use a PROTOBUF_NATIVE schema, or choose another messageFormat.`,
  );
}
