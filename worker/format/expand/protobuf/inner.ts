/**
 * What can be told of the messages inside the messages of a PROTOBUF schema. Java derives its definition, made for AVRO,
 * from the classes: it has the names of inner fields, without the numbers by which they are found in the bytes. Their
 * order does not tell the numbers either.
 */

export type Inner =
  /** The message's own type, whose numbers are told elsewhere. */
  | { readonly kind: "root" }
  /** A type that Google defines: `google.protobuf.Timestamp`. */
  | { readonly kind: "known"; readonly type: string }
  /** The entry of a map, whose numbers the language fixes. */
  | { readonly kind: "map"; readonly value: string };

type Json = { readonly [name: string]: unknown };

/** AVRO types that stand for one protobuf type; `int` and `long` stand for five each, with different bytes. */
const VALUE_TYPES: ReadonlyMap<unknown, string> = new Map([
  ["string", "string"],
  ["bytes", "bytes"],
  ["boolean", "bool"],
  ["float", "float"],
  ["double", "double"],
]);

/** @returns what is inside each field of a record that holds messages; a field that nothing is known of is left out */
export function innerMessages(definition: string): ReadonlyMap<string, Inner> {
  const root = parse(definition);
  const found = new Map<string, Inner>();
  if (root === null || !Array.isArray(root["fields"])) return found;
  const rootName = fullName(root, "");
  for (const field of root["fields"].filter(isObject)) {
    const name = String(field["name"]);
    const inner = innerOf(name, field["type"], rootName);
    if (inner !== null) found.set(name, inner);
  }
  return found;
}

function innerOf(field: string, given: unknown, rootName: string): Inner | null {
  const type = unwrapped(given);
  const namespace = rootName.slice(0, Math.max(0, rootName.lastIndexOf(".")));
  const name = fullName(type, namespace);
  if (name === rootName) return { kind: "root" };
  const [, known] = /^com\.google\.protobuf\.([A-Za-z0-9]+)$/.exec(name) ?? [];
  if (known !== undefined) return { kind: "known", type: `google.protobuf.${known}` };
  return isObject(type) && name === `${rootName}.${camel(field)}Entry` ? mapOf(type) : null;
}

function mapOf({ fields }: Json): Inner | null {
  const [key, value, ...more] = Array.isArray(fields) ? fields.filter(isObject) : [];
  if (key?.["name"] !== "key" || value?.["name"] !== "value" || more.length > 0) return null;
  const valueType = VALUE_TYPES.get(primitive(value["type"]));
  return primitive(key["type"]) === "string" && valueType !== undefined ? { kind: "map", value: valueType } : null;
}

/** The item of a list, the branch of a union that is not null. */
function unwrapped(type: unknown): unknown {
  if (Array.isArray(type)) return type.find((branch) => branch !== "null");
  return isObject(type) && type["type"] === "array" ? unwrapped(type["items"]) : type;
}

function primitive(type: unknown): unknown {
  return isObject(type) ? type["type"] : type;
}

/** Java writes an inner class after a `$` in some places, and after a dot in others. */
function fullName(type: unknown, enclosing: string): string {
  const name = isObject(type) ? String(type["name"]) : String(type);
  const namespace = isObject(type) && typeof type["namespace"] === "string" ? type["namespace"] : enclosing;
  const full = name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
  return full.replaceAll("$", ".");
}

/** `order_lines` → `OrderLines`, as the compiler names entries. */
function camel(field: string): string {
  // Tried at the begin of a row of underscores only, or a long row would take the square of its length.
  return field.replace(/(?:^|(?<!_)_+)([a-zA-Z0-9])/g, (_, first: string) => first.toUpperCase());
}

function parse(definition: string): Json | null {
  try {
    const parsed: unknown = JSON.parse(definition);
    return isObject(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
