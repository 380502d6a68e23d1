/**
 * The API server gives a default to each object that lacks the field, also to those that exist: a new default changes the spec of
 * every sink at once, and a changed one reaches only sinks to come. So the defaults of a version of the resource stay as its
 * first release had them, and what a new field means when it is absent is the programs' to say.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { StructuralSchema } from "../../crds/json-schema.ts";
import { resourceSchema } from "./resource-definition.ts";

const FIRST: Readonly<Record<string, unknown>> = JSON.parse(
  readFileSync(join(import.meta.dirname, "defaults-of-0.1.0.json"), "utf8"),
);

interface Default {
  readonly path: string;
  readonly value: unknown;
  /** Within an object that a sink may do without, and that it has only where somebody gave it. */
  readonly optional: boolean;
}

function defaultsOf(schema: StructuralSchema, path = "", optional = false): Default[] {
  const own = schema.default === undefined ? [] : [{ path, value: schema.default, optional }];
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
    const always = part.default !== undefined || (schema.required ?? []).includes(name) || path === "";
    const inside = optional || (part.properties !== undefined && !always);
    const here = path === "" ? name : `${path}.${name}`;
    return defaultsOf(part, here, part.default === undefined ? inside : optional);
  });
  const items = schema.items === undefined ? [] : defaultsOf(schema.items, `${path}[]`, true);
  return [...own, ...fields, ...items];
}

/** What is wrong with the defaults of a schema, by the first release's. */
function wrongDefaults(schema: StructuralSchema): string[] {
  const present = defaultsOf(schema);
  const paths = new Set(present.map(({ path }) => path));
  const gone = Object.keys(FIRST).filter((path) => !paths.has(path));
  const added = present.filter(({ path, optional }) => !(path in FIRST) && !optional);
  const changed = present.filter(
    ({ path, value }) => path in FIRST && JSON.stringify(FIRST[path]) !== JSON.stringify(value),
  );
  return [
    ...gone.map((path) => `${path} has lost its default`),
    ...added.map(({ path }) => `${path} has a new default: leave it out, and let absence mean something`),
    ...changed.map(({ path }) => `${path} has another default`),
  ];
}

test("no default is new, changed or gone within a version of the resource", () => {
  assert.deepEqual(wrongDefaults(resourceSchema()), []);
});

test("a default is taken for new unless it is within an object that only some sinks have", () => {
  const wrongWith = (place: string, field: StructuralSchema) => {
    const schema = structuredClone(resourceSchema());
    const spec = schema.properties?.["spec"]?.properties ?? {};
    const parent = (place === "" ? spec : spec[place]?.properties) as Record<string, StructuralSchema>;
    parent["fresh"] = field;
    return wrongDefaults(schema).length;
  };
  const text: StructuralSchema = { type: "string", default: "on" };
  assert.equal(wrongWith("", text), 1);
  assert.equal(wrongWith("config", text), 1, "spec.config is required");
  assert.equal(wrongWith("pod", text), 1, "spec.pod is there by default");
  assert.equal(wrongWith("", { type: "object", properties: { mode: text } }), 0);
  assert.equal(wrongWith("", { type: "object", default: {}, properties: { mode: text } }), 2);
});
