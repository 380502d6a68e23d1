/** The message types of google.protobuf that proto3's JSON mapping writes in a form of their own. */
import type protobuf from "protobufjs";
import { PoisonError } from "../../format.ts";
import { isoInstant } from "../../java/iso-time.ts";
import { doubleJson, floatJson } from "../../java/number.ts";
import { type JsonWriter, memberName } from "../../json/writer.ts";

type Fields = Readonly<Record<string, unknown>>;
/** Writes a message, or its fields as members of an object that is open. */
interface MessageWriter {
  message(writer: JsonWriter, type: protobuf.Type, message: object): void;
  fields(writer: JsonWriter, type: protobuf.Type, message: object): void;
  decode(type: protobuf.Type, bytes: Uint8Array): object;
  /** @param sibling any type of the schema */
  typeNamed(name: string, sibling: protobuf.Type): protobuf.Type | null;
}
type WriteWellKnown = (writer: JsonWriter, message: object, type: protobuf.Type, inner: MessageWriter) => void;

const AT_TYPE = memberName("@type");
const VALUE = memberName("value");
const NANOS_PER_SECOND = 1_000_000_000;

/** By full name, with protobufjs's leading dot. */
export const WELL_KNOWN: ReadonlyMap<string, WriteWellKnown> = new Map<string, WriteWellKnown>([
  [".google.protobuf.Timestamp", (writer, message) => writer.literal(timestamp(message as Fields))],
  [".google.protobuf.Duration", (writer, message) => writer.literal(duration(message as Fields))],
  [".google.protobuf.FieldMask", (writer, message) => writer.text(fieldMask(message as Fields))],
  [".google.protobuf.Struct", (writer, message) => writeStruct(writer, message as Fields)],
  [".google.protobuf.Value", (writer, message) => writeValue(writer, message as Fields)],
  [".google.protobuf.ListValue", (writer, message) => writeList(writer, message as Fields)],
  [".google.protobuf.Any", writeAny],
  wrapper("Double", (writer, value) => writer.literal(doubleJson((value as number | undefined) ?? 0))),
  wrapper("Float", (writer, value) => writer.literal(floatJson((value as number | undefined) ?? 0))),
  ...["Int64", "UInt64", "Int32", "UInt32"].map((kind) =>
    wrapper(kind, (writer, value) => writer.literal(String(value ?? 0))),
  ),
  wrapper("Bool", (writer, value) => writer.literal(String(value ?? false))),
  wrapper("String", (writer, value) => writer.text((value as string | undefined) ?? "")),
  wrapper("Bytes", (writer, value) => {
    const bytes = (value as Uint8Array | undefined) ?? new Uint8Array();
    writer.base64(bytes, 0, bytes.length);
  }),
]);

function wrapper(kind: string, write: (writer: JsonWriter, value: unknown) => void): [string, WriteWellKnown] {
  return [`.google.protobuf.${kind}Value`, (writer, message) => write(writer, own(message as Fields, "value"))];
}

function own(message: Fields, name: string): unknown {
  return Object.hasOwn(message, name) ? message[name] : undefined;
}

function timestamp(message: Fields): string {
  const text = isoInstant(BigInt(String(own(message, "seconds") ?? 0)), Number(own(message, "nanos") ?? 0));
  if (text === null) throw new PoisonError("Undecodable", "The payload holds a timestamp that is out of range.");
  return `"${text}"`;
}

function duration(message: Fields): string {
  const seconds = BigInt(String(own(message, "seconds") ?? 0));
  const total = seconds * BigInt(NANOS_PER_SECOND) + BigInt(Number(own(message, "nanos") ?? 0));
  const size = total < 0n ? -total : total;
  const fraction = String(size % BigInt(NANOS_PER_SECOND))
    .padStart(9, "0")
    .replace(/(000){1,3}$/, "");
  const whole = `${total < 0n ? "-" : ""}${size / BigInt(NANOS_PER_SECOND)}`;
  return `"${whole}${fraction === "" ? "" : `.${fraction}`}s"`;
}

function fieldMask(message: Fields): string {
  const paths = (own(message, "paths") ?? []) as readonly string[];
  return paths.map((path) => path.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())).join(",");
}

function writeStruct(writer: JsonWriter, message: Fields): void {
  writer.objectStart();
  for (const [name, value] of Object.entries((own(message, "fields") ?? {}) as Fields)) {
    writer.member(memberName(name));
    writeValue(writer, value as Fields);
  }
  writer.objectEnd();
}

function writeList(writer: JsonWriter, message: Fields): void {
  writer.arrayStart();
  for (const value of (own(message, "values") ?? []) as readonly Fields[]) {
    writer.element();
    writeValue(writer, value);
  }
  writer.arrayEnd();
}

/** A value of which nothing is set is null. The names are the descriptor's own, not those of its JSON form. */
function writeValue(writer: JsonWriter, message: Fields): void {
  const number = own(message, "number_value");
  const text = own(message, "string_value");
  const boolean = own(message, "bool_value");
  const struct = own(message, "struct_value");
  const list = own(message, "list_value");
  if (typeof number === "number") writer.literal(doubleJson(number));
  else if (typeof text === "string") writer.text(text);
  else if (typeof boolean === "boolean") writer.literal(String(boolean));
  else if (struct != null) writeStruct(writer, struct as Fields);
  else if (list != null) writeList(writer, list as Fields);
  else writer.literal("null");
}

/** Expanded when the descriptors know its type; else the bytes stay base64. */
function writeAny(writer: JsonWriter, message: object, type: protobuf.Type, inner: MessageWriter): void {
  const url = String(own(message as Fields, "type_url") ?? "");
  const bytes = (own(message as Fields, "value") ?? new Uint8Array()) as Uint8Array;
  const known = inner.typeNamed(url.slice(url.lastIndexOf("/") + 1), type);
  writer.objectStart();
  writer.member(AT_TYPE);
  writer.text(url);
  if (known === null) {
    writer.member(VALUE);
    writer.base64(bytes, 0, bytes.length);
  } else if (WELL_KNOWN.has(known.fullName)) {
    writer.member(VALUE);
    inner.message(writer, known, inner.decode(known, bytes));
  } else inner.fields(writer, known, inner.decode(known, bytes));
  writer.objectEnd();
}
