import { closeSchema, type StructuralSchema } from "../json-schema.ts";
import openApiSchema from "../schema.generated.json" with { type: "json" };
import type { FieldError } from "./field-error.ts";
import { schemaErrors } from "./schema-errors.ts";
import { compileSchema } from "./schema-validator.ts";

const schema: StructuralSchema = {
  type: "object",
  properties: { status: closeSchema(openApiSchema as StructuralSchema).properties?.["status"] ?? {} },
};
const matchesSchema = compileSchema(schema);

/** What the API server would refuse or drop in a status. Empty when it takes the status as it is. */
export function statusErrors(status: unknown): FieldError[] {
  return matchesSchema(structuredClone({ status })) ? [] : schemaErrors(matchesSchema.errors ?? [], schema);
}
