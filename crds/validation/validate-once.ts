import { compileSchema } from "./schema-validator.ts";
import { usedSchema } from "./used-schema.ts";
import { checkManifest, manifestSchema, type Validation, type ValidationOptions } from "./validation.ts";

/**
 * Says what validateKinesisSink says, for a program that validates one manifest in its life: compiling the whole schema
 * takes 150 ms of CPU and 20 MB, most of them for fields that the manifest does not have.
 */
export function validateOnce(input: unknown, options: ValidationOptions = {}): Validation {
  return checkManifest(compileSchema(usedSchema(manifestSchema, input)), input, options);
}
