import { KINESIS_SINKS } from "../resource.ts";
import { type ManifestDocument, readDocuments } from "./documents.ts";
import { validateOnce } from "./validate-once.ts";
import type { Validation, ValidationOptions } from "./validation.ts";

function failure(code: string, message: string): Validation {
  return { ok: false, errors: [{ code, field: "(manifest)", message }] };
}

/** What a document says of itself; empty where it says nothing. */
export function kindOf({ value }: Pick<ManifestDocument, "value">): string {
  const kind = typeof value === "object" && value !== null ? (value as { kind?: unknown }).kind : undefined;
  return typeof kind === "string" ? kind : "";
}

/** Says that there is no KinesisSink, and what there is instead. */
export function noKinesisSink(documents: readonly Pick<ManifestDocument, "value">[]): string {
  const kinds = documents.map((document) => kindOf(document) || "a document without kind");
  return `holds no ${KINESIS_SINKS.kind}: ${kinds.length === 0 ? "it is empty" : `it has ${kinds.join(", ")}`}`;
}

/**
 * Reads the one KinesisSink of a manifest, YAML of one or more documents or JSON, and validates it. Documents of other
 * kinds, such as the Secret beside it, are left aside.
 */
export function parseManifest(text: string, options: ValidationOptions = {}): Validation {
  const read = readDocuments(text);
  if (!read.ok) {
    const errors = read.errors.map(({ line, column, message }) => ({
      code: "NotYaml",
      field: "(manifest)",
      message: `is not YAML in line ${line}, column ${column}: ${message}`,
    }));
    return { ok: false, errors };
  }
  const { documents } = read;
  const sinks = documents.filter((document) => kindOf(document) === KINESIS_SINKS.kind);
  const [sink, another] = sinks.length === 0 && documents.length === 1 ? documents : sinks;
  if (sink === undefined) return failure("NoKinesisSink", noKinesisSink(documents));
  if (another !== undefined) {
    return failure("SeveralKinesisSinks", `holds ${sinks.length} ${KINESIS_SINKS.kind}s: give one`);
  }
  return validateOnce(sink.value, options);
}
