import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import type { StructuralSchema } from "../json-schema.ts";

/** Keywords that say how Kubernetes treats a value, not which values are good. */
const annotations = [
  "x-kubernetes-validations",
  "x-kubernetes-int-or-string",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-list-type",
  "x-kubernetes-map-type",
];

function integerBelow(limit: number): { type: "number"; validate: (value: number) => boolean } {
  return { type: "number", validate: (value) => Number.isInteger(value) && value >= -limit && value < limit };
}

/** False when two items of a list agree in all keys: the API server takes the list for a map. */
function haveDistinctKeys(keys: readonly string[], items: readonly unknown[]): boolean {
  const seen = items.map((item) => {
    const fields = new Map(typeof item === "object" && item !== null ? Object.entries(item) : []);
    return JSON.stringify(keys.map((key) => fields.get(key)));
  });
  return new Set(seen).size === seen.length;
}

/**
 * Compiles a schema from the resource definition. The result applies defaults to what it validates, and finds every error.
 * @throws Error when the schema has a keyword or format that it would otherwise have to ignore.
 */
export function compileSchema(schema: StructuralSchema): ValidateFunction {
  const ajv = new Ajv({
    allErrors: true,
    strict: true,
    // Of what may be of any type, texts and lists are bounded all the same.
    strictTypes: false,
    useDefaults: true,
    verbose: true,
    // Every start of a worker compiles: without these it takes a fifth of the time. The API server checks the schema itself.
    code: { optimize: false },
    meta: false,
    validateSchema: false,
  });
  for (const keyword of annotations) ajv.addKeyword(keyword);
  ajv.addKeyword({
    keyword: "x-kubernetes-list-map-keys",
    type: "array",
    validate: haveDistinctKeys,
    errors: false,
  });
  ajv.addFormat("int32", integerBelow(2 ** 31));
  // The largest int64 reads as 2^63 in JavaScript.
  ajv.addFormat("int64", integerBelow(2 ** 63 + 1025));
  addFormats.default(ajv, ["date-time"]);
  return ajv.compile(schema);
}
