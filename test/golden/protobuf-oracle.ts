/** Protobuf messages by the library's own conversion, as our formats are to write them. Google's types are left out. */
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import { BinaryNumber, ExactNumber } from "./exact-json.ts";

/** @param definition of a PROTOBUF_NATIVE schema */
export function decodeProtobufNative(definition: string, payload: Buffer): object {
  const { fileDescriptorSet, rootMessageTypeName } = JSON.parse(definition) as Record<string, string>;
  const root = protobuf.Root.fromDescriptor(Buffer.from(fileDescriptorSet ?? "", "base64"));
  return document(root.resolveAll().lookupType(rootMessageTypeName ?? ""), payload);
}

/** @param parsingInfo what a PROTOBUF schema tells of the message's own fields */
export function decodeProtobuf(parsingInfo: string, payload: Buffer): object {
  const type = new protobuf.Type("M");
  for (const { number, name, type: kind, label } of JSON.parse(parsingInfo) as Record<string, string>[]) {
    const scalar = kind === "ENUM" ? "int32" : kind === "MESSAGE" ? "bytes" : String(kind).toLowerCase();
    const rule = label === "LABEL_REPEATED" ? "repeated" : undefined;
    type.add(new protobuf.Field(protobuf.util.camelCase(name ?? ""), Number(number), scalar, rule));
  }
  new protobuf.Root().add(type);
  return document(type, payload);
}

function document(type: protobuf.Type, payload: Buffer): object {
  return exact(type, type.toObject(type.decode(payload), { longs: String, enums: String, bytes: String, json: true }));
}

function exact(type: protobuf.Type, object: object): object {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => {
      const field = type.fields[name] as protobuf.Field;
      return [field.jsonName ?? name, exactField(field, value)];
    }),
  );
}

function exactField(field: protobuf.Field, value: unknown): unknown {
  const one = (item: unknown): unknown =>
    field.resolvedType instanceof protobuf.Type ? exact(field.resolvedType, item as object) : scalar(field, item);
  if (Array.isArray(value)) return value.map(one);
  if (!field.map) return one(value);
  return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, one(item)]));
}

function scalar({ type }: protobuf.Field, value: unknown): unknown {
  if (type === "double" || type === "float")
    return typeof value === "number" ? new BinaryNumber(value, type === "float" ? 9 : 17) : value;
  return typeof value === "number" || /64$/.test(type) ? new ExactNumber(String(value)) : value;
}
