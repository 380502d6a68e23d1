import type { ErrorObject } from "ajv";
import type { StructuralSchema } from "../json-schema.ts";
import type { FieldError } from "./field-error.ts";
import { wrongType } from "./form.ts";
import { meantObjectName } from "./object-name.ts";
import { otherName } from "./other-names.ts";
import { quantityMessage } from "./quantity.ts";
import { suggestion } from "./suggestion.ts";
import { secondsHint, unitSuffix } from "./unit.ts";

/** What the patterns of the resource definition ask for, in words. */
const patternMessages: readonly (readonly [start: string, message: string])[] = [
  ["^[a-z0-9](", "must be the name of a Kubernetes object: lower-case letters, digits, '-' and '.'"],
  ["^([a-z0-9](", "must be the name of a Kubernetes object: lower-case letters, digits, '-' and '.'"],
  ["^[-._a-zA-Z0-9]+$", "must be a key of letters, digits, '-', '_' and '.'"],
];
const QUANTITY_PATTERN = "^(\\+|-)?((";

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

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf(".")));
const lastOf = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

/** @param parent path of the object that has the field */
function unknownField(name: string, parent: string, siblings: readonly string[], root: StructuralSchema): string {
  const { place, instead } = otherName(name) ?? {};
  if (instead !== undefined) return `unknown field: remove it, ${instead}`;
  if (place !== undefined && place !== parent) {
    return `unknown field: did you mean ${parentOf(place) === parent ? lastOf(place) : place}?`;
  }
  const similar = suggestion(name, siblings);
  if (similar !== undefined) return `unknown field: did you mean ${similar}?`;
  const paths = ["spec", ...pathsOf(root.properties?.["spec"] ?? {}, "spec")];
  const meant = suggestion(name, paths.map(lastOf));
  const [only, ...others] = paths.filter((path) => lastOf(path) === meant);
  if (only !== undefined && others.length === 0) return `unknown field here: did you mean ${only}?`;
  return `unknown field: remove it, or use one of ${siblings.join(", ")}`;
}

function range(schema: StructuralSchema, value: unknown): string {
  const { minimum, maximum } = schema;
  const unit = unitSuffix(schema);
  if (maximum === undefined) return `must be at least ${minimum}${unit}${secondsHint(value, schema)}`;
  if (minimum === undefined) return `must be at most ${maximum}${unit}`;
  return `must be between ${minimum} and ${maximum}${unit}${secondsHint(value, schema)}`;
}

function required(name: string, schema: StructuralSchema): string {
  const sentence = /^.*?[.:](?=\s|$)/s.exec(schema.properties?.[name]?.description ?? "")?.[0].replace(/[.:]$/, "");
  return sentence === undefined
    ? "is required"
    : `is required: ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}

function choice(values: readonly string[], value: unknown): string {
  if (values.length === 1) return `must be ${values[0]}`;
  const similar = typeof value === "string" ? suggestion(value, values) : undefined;
  return `must be one of ${values.join(", ")}${similar === undefined ? "" : `: did you mean ${similar}?`}`;
}

function pattern(field: string, source: string, value: unknown): string {
  if (source.startsWith(QUANTITY_PATTERN)) return quantityMessage(value);
  const message = patternMessages.find(([start]) => source.startsWith(start))?.[1] ?? `must match ${source}`;
  // Of Secrets nothing is repeated: somebody may have given the secret itself.
  const meant = field === "metadata.name" && typeof value === "string" ? meantObjectName(value) : "";
  return meant === "" ? message : `${message}: did you mean ${meant}?`;
}

/** Says in words, without the value, what Ajv found. Undefined for what another error says better. */
function translate(error: ErrorObject, root: StructuralSchema): FieldError | undefined {
  const field = fieldPath(error.instancePath) || "(root)";
  const schema = error.parentSchema as StructuralSchema;
  const child = (name: string) => (error.instancePath === "" ? name : `${field}.${name}`);
  switch (error.keyword) {
    case UNKNOWN_FIELD: {
      const name = String(error.params["additionalProperty"]);
      const message = unknownField(name, fieldPath(error.instancePath), Object.keys(schema.properties ?? {}), root);
      return { code: "UnknownField", field: unknownFieldPath(error), message };
    }
    case "required": {
      const name = String(error.params["missingProperty"]);
      return { code: "Required", field: child(name), message: required(name, schema) };
    }
    case "type":
      return { code: "WrongType", field, message: wrongType(field, error.data, schema) };
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
      return { code: "OutOfRange", field, message: range(schema, error.data) };
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
      return { code: "WrongForm", field, message: pattern(field, String(error.params["pattern"]), error.data) };
    case "anyOf":
      return schema["x-kubernetes-int-or-string"] && typeof error.data !== "string"
        ? { code: "WrongType", field, message: quantityMessage(error.data) }
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
