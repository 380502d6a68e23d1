import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import type { CelRule, StructuralSchema } from "../../crds/json-schema.ts";

export const CRDS = join(import.meta.dirname, "../../crds");

interface Definition {
  spec: { versions: { schema: { openAPIV3Schema: StructuralSchema } }[] };
}

/** The schema as it stands in kinesissinks.yaml. */
export function resourceSchema(): StructuralSchema {
  const definition = load(readFileSync(join(CRDS, "kinesissinks.yaml"), "utf8")) as Definition;
  return definition.spec.versions[0]?.schema.openAPIV3Schema ?? {};
}

/** Every part of a schema with its path, `[]` being an item of a list and `{}` a value of a map. */
export function parts(schema: StructuralSchema, path = ""): [path: string, schema: StructuralSchema][] {
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, part]) =>
    parts(part, path === "" ? name : `${path}.${name}`),
  );
  const items = schema.items === undefined ? [] : parts(schema.items, `${path}[]`);
  const values = typeof schema.additionalProperties === "object" ? parts(schema.additionalProperties, `${path}{}`) : [];
  return [[path, schema], ...fields, ...items, ...values];
}

/** Every CEL rule with the path of the part that holds it. */
export function celRules(): { at: string; rule: CelRule }[] {
  return parts(resourceSchema()).flatMap(([at, part]) =>
    (part["x-kubernetes-validations"] ?? []).map((rule) => ({ at, rule })),
  );
}
