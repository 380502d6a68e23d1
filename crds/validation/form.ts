import type { StructuralSchema } from "../json-schema.ts";
import { integerRemedy } from "./unit.ts";

/** What is said beside a wrong type, by the field's path. */
const REMEDIES: Readonly<Record<string, string>> = {
  "spec.config.awsCredentialPluginParam":
    "name a Secret key that holds it as JSON in spec.secrets.awsCredentialPluginParam, or give the JSON in single quotes",
};

/** What a value of each kind is called, with its article. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  const type = typeof value;
  return `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
}

/** Whether an object stands for a Secret or a ConfigMap, and which. */
function referenceTo({ properties = {} }: StructuralSchema): string | undefined {
  return /^Name of the (Secret|ConfigMap)\b/.exec(properties["name"]?.description ?? "")?.[1];
}

/** The form of an object in YAML, with what it must have, or else its first field: `{ name: … }`. */
function objectForm(schema: StructuralSchema): string {
  const { properties = {}, required = [] } = schema;
  const first = Object.keys(properties).slice(0, 1);
  const names = required.length > 0 ? required : first;
  const reference = referenceTo(schema);
  const value = (name: string) => (name === "name" && reference !== undefined ? reference.toUpperCase() : "…");
  return names.length === 0 ? "{ NAME: VALUE }" : `{ ${names.map((name) => `${name}: ${value(name)}`).join(", ")} }`;
}

function objectRemedy(name: string, value: unknown, schema: StructuralSchema): string {
  const reference = referenceTo(schema);
  const secret = reference === undefined ? "" : `, to name the ${reference} that holds it: never the value itself`;
  const form = `write ${name}: ${objectForm(schema)}${secret}`;
  if (value !== null) return `must be an object, not ${kindOf(value)}: ${form}`;
  return (schema.required ?? []).length > 0
    ? `must be an object and is empty: ${form}`
    : "must be an object: give a value, or remove the field";
}

function booleanRemedy(value: unknown): string {
  if (typeof value !== "string") return "must be a boolean: write true or false";
  return /^(true|false)$/i.test(value)
    ? "must be a boolean, not a string: remove the quotes"
    : "must be a boolean, not a string: write true or false, without quotes";
}

function stringRemedy(field: string, value: unknown): string {
  const remedy = REMEDIES[field];
  if (remedy !== undefined) return `must be a string, not ${kindOf(value)}: ${remedy}`;
  if (Array.isArray(value)) return "must be a string, not an array: give one, without brackets and dashes";
  return typeof value === "object"
    ? "must be a string, not an object: give a single value"
    : "must be a string: put it in quotes";
}

/**
 * What is wrong with a value of another type than the schema's, and the form to write. Without the value: it may be a secret.
 * @param field its path
 */
export function wrongType(field: string, value: unknown, schema: StructuralSchema): string {
  const name = field.slice(field.lastIndexOf(".") + 1);
  if (schema.type === "object") return objectRemedy(name, value, schema);
  const expected = `must be ${/^[aeiou]/.test(schema.type ?? "") ? "an" : "a"} ${schema.type}`;
  if (value === null) return `${expected}: give a value, or remove the field`;
  switch (schema.type) {
    case "array":
      return `must be an array: write ${name}: [ … ], also for a single one`;
    case "boolean":
      return booleanRemedy(value);
    case "integer":
      if (typeof value === "string") return integerRemedy(value, schema);
      return typeof value === "number"
        ? "must be an integer: write a whole number"
        : `${expected}, not ${kindOf(value)}`;
    default:
      return stringRemedy(field, value);
  }
}
