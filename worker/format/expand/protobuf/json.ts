/**
 * Protobuf messages as JSON: proto3's JSON mapping, but 64-bit integers are numbers. Fields that are not set are left
 * out.
 */
import protobuf from "protobufjs";
import { doubleJson, floatJson } from "../../java/number.ts";
import { type JsonWriter, type MemberName, memberName } from "../../json/writer.ts";
import { ObjectCost } from "./cost.ts";
import { WELL_KNOWN } from "./well-known.ts";

/** Writes messages of one schema. */
export class ProtobufJson {
  readonly #names = new Map<protobuf.Field, MemberName>();
  readonly #cost = new ObjectCost();
  #types: ReadonlyMap<string, protobuf.Type> | null = null;

  /** The next message of a topic begins. */
  begin(): void {
    this.#cost.reset();
  }

  /** @throws PoisonError RecordTooLarge when its objects would take too much memory, and what protobufjs throws */
  decode(type: protobuf.Type, bytes: Uint8Array): object {
    this.#cost.charge(type, bytes);
    return type.decode(bytes);
  }

  /** The type that an Any names: a message may hold many of them, so that a search for each would take too long. */
  typeNamed(name: string, { root }: protobuf.Type): protobuf.Type | null {
    this.#types ??= new Map(typesOf(root).map((type) => [type.fullName.slice(1), type]));
    return this.#types.get(name) ?? null;
  }

  message(writer: JsonWriter, type: protobuf.Type, message: object): void {
    const special = WELL_KNOWN.get(type.fullName);
    if (special !== undefined) special(writer, message, type, this);
    else {
      writer.objectStart();
      this.fields(writer, type, message);
      writer.objectEnd();
    }
  }

  fields(writer: JsonWriter, type: protobuf.Type, message: object): void {
    const values = message as Readonly<Record<string, unknown>>;
    for (const field of type.fieldsArray) {
      const value = Object.hasOwn(values, field.name) ? values[field.name] : undefined;
      if (value === undefined || value === null || isEmpty(field, value)) continue;
      writer.member(this.#nameOf(field));
      this.#field(writer, field, value);
    }
  }

  #nameOf(field: protobuf.Field): MemberName {
    let name = this.#names.get(field);
    if (name === undefined) {
      // An extension bears its full name, which begins with a dot in protobufjs.
      const extension = field.declaringField === null ? null : `[${field.name.slice(1)}]`;
      name = memberName(extension ?? field.jsonName ?? field.name);
      this.#names.set(field, name);
    }
    return name;
  }

  #field(writer: JsonWriter, field: protobuf.Field, value: unknown): void {
    if (field.map) this.#map(writer, field, value as Readonly<Record<string, unknown>>);
    else if (field.repeated) {
      writer.arrayStart();
      for (const item of value as readonly unknown[]) {
        writer.element();
        this.#value(writer, field, item);
      }
      writer.arrayEnd();
    } else this.#value(writer, field, value);
  }

  #map(writer: JsonWriter, field: protobuf.Field, entries: Readonly<Record<string, unknown>>): void {
    const keyType = (field as unknown as protobuf.MapField).keyType;
    const unsigned = keyType === "uint64" || keyType === "fixed64";
    writer.objectStart();
    for (const [key, value] of Object.entries(entries)) {
      // protobufjs keeps a 64-bit key as eight characters.
      writer.member(memberName(/64$/.test(keyType) ? String(protobuf.util.longFromHash(key, unsigned)) : key));
      this.#value(writer, field, value);
    }
    writer.objectEnd();
  }

  #value(writer: JsonWriter, field: protobuf.Field, value: unknown): void {
    const { resolvedType } = field;
    if (resolvedType instanceof protobuf.Enum) writeEnum(writer, resolvedType, value as number);
    else if (resolvedType !== null) this.message(writer, resolvedType, value as object);
    else writeScalar(writer, field.type, value);
  }
}

function typesOf(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((nested) => {
    if (!(nested instanceof protobuf.Namespace)) return [];
    return nested instanceof protobuf.Type ? [nested, ...typesOf(nested)] : typesOf(nested);
  });
}

function isEmpty(field: protobuf.Field, value: unknown): boolean {
  if (field.map) return Object.keys(value as object).length === 0;
  return field.repeated && (value as readonly unknown[]).length === 0;
}

function writeScalar(writer: JsonWriter, type: string, value: unknown): void {
  if (type === "double") writer.literal(doubleJson(value as number));
  else if (type === "float") writer.literal(floatJson(value as number));
  else if (type === "string") writer.text(value as string);
  else if (type === "bytes") writer.base64(value as Uint8Array, 0, (value as Uint8Array).length);
  // Booleans and integers; a 64-bit one prints all its digits.
  else writer.literal(String(value));
}

function writeEnum(writer: JsonWriter, type: protobuf.Enum, value: number): void {
  const name = type.valuesById[value];
  if (type.fullName === ".google.protobuf.NullValue") writer.literal("null");
  else if (name === undefined) writer.int(value);
  else writer.text(name);
}
