import { closeSchema, type StructuralSchema } from "../../crds/json-schema.ts";
import openApiSchema from "../../crds/schema.generated.json" with { type: "json" };
import type { FieldError } from "../../crds/validation/field-error.ts";
import { schemaErrors } from "../../crds/validation/schema-errors.ts";
import { compileSchema } from "../../crds/validation/schema-validator.ts";

const schema: StructuralSchema = {
  type: "object",
  properties: { status: closeSchema(known((openApiSchema as StructuralSchema).properties?.["status"] ?? {})) },
};

/** The schema without its room for what newer versions write. */
function known(part: StructuralSchema): StructuralSchema {
  const { "x-kubernetes-preserve-unknown-fields": _open, properties, items, ...rest } = part;
  const fields = Object.entries(properties ?? {}).map(([name, field]) => [name, known(field)] as const);
  return {
    ...rest,
    ...(properties === undefined ? {} : { properties: Object.fromEntries(fields) }),
    ...(items === undefined ? {} : { items: known(items) }),
  };
}

const matchesSchema = compileSchema(schema);

/** What the API server would refuse in a status, and what the definition does not describe. */
export function statusErrors(status: unknown): FieldError[] {
  return matchesSchema(structuredClone({ status })) ? [] : schemaErrors(matchesSchema.errors ?? [], schema);
}
