import type { ValidateFunction } from "ajv";
import { closeSchema, type StructuralSchema } from "../json-schema.ts";
import type { KinesisSink } from "../kinesissink.generated.ts";
import { KINESIS_SINKS } from "../resource.ts";
import openApiSchema from "../schema.generated.json" with { type: "json" };
import type { FieldError } from "./field-error.ts";
import { OBJECT_NAME } from "./object-name.ts";
import { patternErrors } from "./pattern-rule.ts";
import { rules } from "./rules.ts";
import { schemaErrors, UNKNOWN_FIELD, unknownFieldPath } from "./schema-errors.ts";

export type Validation =
  | {
      readonly ok: true;
      readonly value: KinesisSink;
      /** Paths of fields that this version does not know, where they are left alone. */
      readonly unknownFields: readonly string[];
    }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

export interface ValidationOptions {
  /** Ids of rules to leave out, for a manifest from which something was taken on purpose. */
  readonly except?: readonly string[];
  /**
   * What a field is that this version does not know. An error by default, for it may be a slip of the pen. For what an API
   * server has admitted it is `leave`: a field of a newer version, which that version asks nothing of this one for.
   */
  readonly unknownFields?: "refuse" | "leave";
}

/**
 * What a whole manifest must be. Only the spec is held to the schema: the status is written by programs, guarded by the
 * API server, and one of another version must not keep a sink from running.
 */
export const manifestSchema: StructuralSchema = wholeManifest(openApiSchema as StructuralSchema);

function wholeManifest(schema: StructuralSchema): StructuralSchema {
  const closed = closeSchema(schema);
  const metadata: StructuralSchema = {
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string", minLength: 1, pattern: OBJECT_NAME, description: "The resource's name." },
      namespace: { type: "string", description: "The namespace it is in." },
    },
    additionalProperties: true,
  };
  return {
    ...closed,
    required: ["apiVersion", "kind", "metadata", "spec"],
    properties: {
      ...closed.properties,
      apiVersion: { type: "string", enum: [KINESIS_SINKS.apiVersion] },
      kind: { type: "string", enum: [KINESIS_SINKS.kind] },
      metadata,
      status: { type: "object", default: schema.properties?.["status"]?.default, additionalProperties: true },
    },
  };
}

/**
 * Holds a manifest to the schema, which also refuses unknown fields, and to the rules.
 * @param matches made of {@link manifestSchema}
 */
export function checkManifest(matches: ValidateFunction, input: unknown, options: ValidationOptions): Validation {
  const copy: unknown = structuredClone(input);
  const found = matches(copy) ? [] : (matches.errors ?? []);
  const left = options.unknownFields === "leave" ? found.filter(({ keyword }) => keyword === UNKNOWN_FIELD) : [];
  const wrong = left.length === 0 ? found : found.filter(({ keyword }) => keyword !== UNKNOWN_FIELD);
  const value = copy as KinesisSink;
  const errors = schemaErrors(wrong, manifestSchema);
  if (errors.every(({ code }) => !SHAPE_ERRORS.includes(code))) {
    errors.push(...ruleErrors(value, options.except ?? []).filter(({ field }) => !concerns(field, errors)));
  }
  if (errors.length > 0 || wrong.length > 0) return { ok: false, errors };
  return { ok: true, value, unknownFields: left.map(unknownFieldPath) };
}

/** Errors after which a value may be of another type than the rules take it for. */
const SHAPE_ERRORS: readonly string[] = ["Required", "WrongType", "Invalid"];

/** Whether an error tells of the field already, or of a part of it. */
function concerns(field: string, errors: readonly FieldError[]): boolean {
  return errors.some((error) => error.field === field || error.field.startsWith(`${field}[`));
}

function ruleErrors(value: KinesisSink, except: readonly string[]): FieldError[] {
  const errors = rules
    .filter(({ id }) => !except.includes(id))
    .flatMap(({ id, message, meant, broken }) => {
      const hint = meant?.(value.spec);
      const text = hint === undefined ? message : `${message}: did you mean ${hint}?`;
      return broken(value).map((field) => ({ code: id, field, message: text }));
    });
  return [...errors, ...patternErrors(value).filter(({ field }) => !concerns(field, errors))];
}
