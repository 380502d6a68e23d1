import { closeSchema, type StructuralSchema } from "../../crds/json-schema.ts";
import openApiSchema from "../../crds/schema.generated.json" with { type: "json" };
import type { FieldError } from "../../crds/validation/field-error.ts";
import { schemaErrors } from "../../crds/validation/schema-errors.ts";
import { compileSchema } from "../../crds/validation/schema-validator.ts";

const schema: StructuralSchema = {
  type: "object",
  properties: { status: closeSchema(openApiSchema as StructuralSchema).properties?.["status"] ?? {} },
};
const matchesSchema = compileSchema(schema);

/** What the API server would refuse or drop in a status. Empty when it takes the status as it is. */
export function statusErrors(status: unknown): FieldError[] {
  return matchesSchema(structuredClone({ status })) ? [] : schemaErrors(matchesSchema.errors ?? [], schema);
}
