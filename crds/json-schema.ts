/** A CEL rule of the resource definition. */
export interface CelRule {
  rule: string;
  message: string;
  /** Field that the API server names, relative to the rule's place, for example `.awsRegion`. */
  fieldPath?: string;
  reason?: string;
}

/** The part of OpenAPI v3 that a structural schema of Kubernetes may use, as far as kinesissinks.yaml does. */
export interface StructuralSchema {
  type?: "object" | "array" | "string" | "integer" | "boolean";
  format?: string;
  description?: string;
  default?: unknown;
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  maxItems?: number;
  uniqueItems?: boolean;
  maxProperties?: number;
  required?: readonly string[];
  properties?: Readonly<Record<string, StructuralSchema>>;
  additionalProperties?: StructuralSchema | boolean;
  items?: StructuralSchema;
  anyOf?: readonly StructuralSchema[];
  "x-kubernetes-validations"?: readonly CelRule[];
  "x-kubernetes-int-or-string"?: boolean;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  "x-kubernetes-list-type"?: "map" | "set" | "atomic";
  "x-kubernetes-list-map-keys"?: readonly string[];
  "x-kubernetes-map-type"?: "atomic" | "granular";
}

/**
 * Copies a structural schema as a JSON schema with every object closed to unknown fields, as `kubectl` treats it. The API server refuses a
 * schema that is closed in the definition itself. Shared parts stay shared.
 */
export function closeSchema(
  schema: StructuralSchema,
  seen = new Map<StructuralSchema, StructuralSchema>(),
): StructuralSchema {
  const done = seen.get(schema);
  if (done !== undefined) return done;
  const { properties, additionalProperties, items, pattern, ...rest } = schema;
  const closed: StructuralSchema = { ...rest };
  seen.set(schema, closed);
  if (schema["x-kubernetes-int-or-string"]) {
    closed.anyOf = [{ type: "integer" }, { type: "string", ...(pattern === undefined ? {} : { pattern }) }];
    return closed;
  }
  if (pattern !== undefined) closed.pattern = pattern;
  if (schema["x-kubernetes-list-type"] === "set") closed.uniqueItems = true;
  if (items !== undefined) closed.items = closeSchema(items, seen);
  if (properties !== undefined) {
    closed.properties = Object.fromEntries(
      Object.entries(properties).map(([name, part]) => [name, closeSchema(part, seen)]),
    );
  }
  if (schema.type === "object") {
    const open = schema["x-kubernetes-preserve-unknown-fields"] ?? false;
    closed.additionalProperties =
      typeof additionalProperties === "object" ? closeSchema(additionalProperties, seen) : open;
  }
  return closed;
}
