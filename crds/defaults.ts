import type { StructuralSchema } from "./json-schema.ts";
import openApiSchema from "./schema.generated.json" with { type: "json" };

const schema = openApiSchema as StructuralSchema;

/**
 * What a field is that is absent, by its path, `[]` being an item of a list: the one table of it, which the reference shows.
 * It never changes within a version of the resource, so that every program of that version means the same by absence. What
 * is absent from an object that only some sinks have is told for those.
 */
export const DEFAULTS: ReadonlyMap<string, unknown> = new Map(defaultsOf(schema, ""));

function defaultsOf(part: StructuralSchema, path: string): [string, unknown][] {
  const fields = Object.entries(part.properties ?? {}).flatMap(([name, field]) =>
    defaultsOf(field, path === "" ? name : `${path}.${name}`),
  );
  const items = part.items === undefined ? [] : defaultsOf(part.items, `${path}[]`);
  return [...(part.default === undefined ? [] : [[path, part.default] as [string, unknown]]), ...fields, ...items];
}

/** A part of a resource without the fields that say what their absence says too. `path` is where the part stands. */
export function withoutDefaults(value: unknown, path: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutDefaults(item, `${path}[]`));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const here = `${path}.${name}`;
    const rest = withoutDefaults(field, here);
    // A default is a plain value or an empty object.
    return JSON.stringify(rest) === JSON.stringify(DEFAULTS.get(here)) ? [] : [[name, rest] as const];
  });
  return Object.fromEntries(fields);
}
