import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { load } from "js-yaml";
import { readChartValues } from "../../scripts/chart-values.ts";

const CHART = join(import.meta.dirname, "../../charts/kinesis-sink-operator");

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string;
  readonly description?: string;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const schema = JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8")) as Schema;
const text = readFileSync(join(CHART, "values.yaml"), "utf8");

function at(key: string): Schema | undefined {
  let node: Schema | undefined = schema;
  for (const name of key.split(".")) node = node?.properties?.[name];
  return node;
}

/** Every schema that lists properties, by path. */
function* withProperties(node: Schema, path: string): Generator<[string, Schema]> {
  if (node.properties !== undefined) yield [path, node];
  const shared = Object.entries(node.$defs ?? {}).map(([name, child]) => [`$defs.${name}`, child] as const);
  const children = { ...Object.fromEntries(shared), ...node.properties, ...(node.items && { "[]": node.items }) };
  for (const [name, child] of Object.entries(children)) yield* withProperties(child, `${path}.${name}`);
}

function leafPaths(value: unknown, path: string): string[] {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMap || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([name, child]) => leafPaths(child, path === "" ? name : `${path}.${name}`));
}

describe("values.schema.json", () => {
  it("describes every value as values.yaml does", () => {
    for (const { key, description } of readChartValues(text)) assert.equal(at(key)?.description, description, key);
  });

  it("has no value that values.yaml lacks", () => {
    const documented = readChartValues(text).map((value) => value.key);
    const present = [...documented, ...leafPaths(load(text), ""), "global"];
    for (const [path, node] of withProperties(schema, "")) {
      if (path.includes("$defs") || path.includes("[]")) continue;
      for (const name of Object.keys(node.properties ?? {})) {
        const key = `${path}.${name}`.slice(1);
        assert.ok(
          present.some((known) => known === key || known.startsWith(`${key}.`)),
          `${key} is in the schema only`,
        );
      }
    }
  });

  it("is closed wherever it lists properties, so that a misspelt value is refused", () => {
    for (const [path, node] of withProperties(schema, "")) assert.equal(node.additionalProperties, false, path);
  });
});
