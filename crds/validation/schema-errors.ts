import type { ErrorObject } from "ajv";
import { closest, distance } from "fastest-levenshtein";
import type { StructuralSchema } from "../json-schema.ts";
import type { FieldError } from "./field-error.ts";

/** What the patterns of the resource definition ask for, in words. */
const patternMessages: readonly (readonly [start: string, message: string])[] = [
  ["^[a-z0-9](", "must be the name of a Kubernetes object: lower-case letters, digits, '-' and '.'"],
  ["^([a-z0-9](", "must be the name of a Kubernetes object: lower-case letters, digits, '-' and '.'"],
  ["^[-._a-zA-Z0-9]+$", "must be a key of letters, digits, '-', '_' and '.'"],
  ["^(\\+|-)?((", "must be a quantity, for example 100m or 512Mi"],
];

/** Turns `/spec/pulsar/topics/2` into `spec.pulsar.topics[2]`. */
export function fieldPath(pointer: string): string {
  const parts = pointer.split("/").slice(1);
  return parts
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === "" ? part : `${path}.${part}`), "");
}

/** The keyword by which Ajv refuses a field that a closed object does not have. */
export const UNKNOWN_FIELD = "additionalProperties";

/** Where the field is that an error of {@link UNKNOWN_FIELD} is about. */
export function unknownFieldPath({ instancePath, params }: ErrorObject): string {
  const name = String(params["additionalProperty"]);
  return instancePath === "" ? name : `${fieldPath(instancePath)}.${name}`;
}

/** Every field below the spec as its path, for a hint where a misplaced field belongs. */
function pathsOf(schema: StructuralSchema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([field, part]) => [
    `${path}.${field}`,
    ...pathsOf(part, `${path}.${field}`),
  ]);
}

function suggestion(word: string, choices: readonly string[]): string | undefined {
  if (choices.length === 0) return undefined;
  const sameLetters = choices.find((choice) => choice.toLowerCase() === word.toLowerCase());
  const best = sameLetters ?? closest(word, [...choices]);
  return sameLetters !== undefined || distance(word, best) <= Math.max(1, word.length / 3) ? best : undefined;
}

function unknownField(name: string, siblings: readonly string[], root: StructuralSchema): string {
  const similar = suggestion(name, siblings);
  if (similar !== undefined) return `unknown field: did you mean ${similar}?`;
  const paths = pathsOf(root.properties?.["spec"] ?? {}, "spec");
  const last = (path: string) => path.slice(path.lastIndexOf(".") + 1);
  const meant = suggestion(name, paths.map(last));
  const [place, ...others] = paths.filter((path) => last(path) === meant);
  if (place !== undefined && others.length === 0) return `unknown field here: did you mean ${place}?`;
  return `unknown field: remove it, or use one of ${siblings.join(", ")}`;
}

function wrongType(expected: string, value: unknown): string {
  const article = /^[aeiou]/.test(expected) ? "an" : "a";
  const wanted = `must be ${article} ${expected}`;
  if (value === null) return `${wanted}: give a value, or remove the field`;
  const quoted = typeof value === "string" && (expected === "integer" || expected === "boolean");
  if (quoted) return `${wanted}, not a string: remove the quotes`;
  if (expected === "string" && typeof value !== "object") return `${wanted}: put it in quotes`;
  return `${wanted}, not ${Array.isArray(value) ? "an array" : `a ${typeof value}`}`;
}

function range({ minimum, maximum }: StructuralSchema): string {
  if (minimum !== undefined && maximum !== undefined) return `must be between ${minimum} and ${maximum}`;
  return minimum === undefined ? `must be at most ${maximum}` : `must be at least ${minimum}`;
}

function required(name: string, schema: StructuralSchema): string {
  const sentence = /^.*?[.:](?=\s|$)/s.exec(schema.properties?.[name]?.description ?? "")?.[0].replace(/[.:]$/, "");
  return sentence === undefined
    ? "is required"
    : `is required: ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}

function choice(values: readonly string[], value: unknown): string {
  const similar = typeof value === "string" ? suggestion(value, values) : undefined;
  return `must be one of ${values.join(", ")}${similar === undefined ? "" : `: did you mean ${similar}?`}`;
}

function pattern(source: string): string {
  return patternMessages.find(([start]) => source.startsWith(start))?.[1] ?? `must match ${source}`;
}

/** Says in words, without the value, what Ajv found. Undefined for what another error says better. */
function translate(error: ErrorObject, root: StructuralSchema): FieldError | undefined {
  const field = fieldPath(error.instancePath) || "(root)";
  const schema = error.parentSchema as StructuralSchema;
  const child = (name: string) => (error.instancePath === "" ? name : `${field}.${name}`);
  switch (error.keyword) {
    case UNKNOWN_FIELD: {
      const name = String(error.params["additionalProperty"]);
      const message = unknownField(name, Object.keys(schema.properties ?? {}), root);
      return { code: "UnknownField", field: unknownFieldPath(error), message };
    }
    case "required": {
      const name = String(error.params["missingProperty"]);
      return { code: "Required", field: child(name), message: required(name, schema) };
    }
    case "type":
      return { code: "WrongType", field, message: wrongType(String(error.params["type"]), error.data) };
    case "format":
      return {
        code: "WrongType",
        field,
        message: `must be ${schema.format === "date-time" ? "a time" : "an integer"}`,
      };
    case "enum":
      return { code: "UnknownValue", field, message: choice(schema.enum ?? [], error.data) };
    case "minimum":
    case "maximum":
      return { code: "OutOfRange", field, message: range(schema) };
    case "minLength":
      return { code: "Empty", field, message: "must not be empty" };
    case "maxLength":
      return { code: "TooLong", field, message: `must be at most ${schema.maxLength} characters` };
    case "maxItems":
    case "maxProperties":
      return {
        code: "TooMany",
        field,
        message: `must have at most ${schema.maxItems ?? schema.maxProperties} entries`,
      };
    case "uniqueItems":
      return { code: "Duplicate", field, message: "must not name the same thing twice: remove the repeated entry" };
    case "x-kubernetes-list-map-keys":
      return {
        code: "Duplicate",
        field,
        message: `must not have two entries with the same ${(schema["x-kubernetes-list-map-keys"] ?? []).join(" and ")}`,
      };
    case "pattern":
      return { code: "WrongForm", field, message: pattern(String(error.params["pattern"])) };
    case "anyOf":
      return schema["x-kubernetes-int-or-string"] && typeof error.data !== "string"
        ? { code: "WrongType", field, message: "must be a quantity, for example 100m or 512Mi" }
        : undefined;
    default:
      return { code: "Invalid", field, message: error.message ?? "is not valid" };
  }
}

/** Ajv's errors as errors of fields: each field once per kind of error, in the order of the schema. */
export function schemaErrors(errors: readonly ErrorObject[], root: StructuralSchema): FieldError[] {
  const branches = errors.filter((error) => !(error.schemaPath.includes("/anyOf/") && error.keyword === "type"));
  const translated = branches.flatMap((error) => translate(error, root) ?? []);
  return [...new Map(translated.map((error) => [`${error.field} ${error.code}`, error])).values()];
}
