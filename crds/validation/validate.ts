import { compileSchema } from "./schema-validator.ts";
import { checkManifest, manifestSchema, type Validation, type ValidationOptions } from "./validation.ts";

const matchesSchema = compileSchema(manifestSchema);

/**
 * Validates a KinesisSink as `kubectl apply` would: the schema, no unknown fields, the rules. The input is left as it is;
 * the value is a copy with defaults applied. For programs that validate many: a single one is cheaper by validateOnce.
 */
export function validateKinesisSink(input: unknown, options: ValidationOptions = {}): Validation {
  return checkManifest(matchesSchema, input, options);
}
