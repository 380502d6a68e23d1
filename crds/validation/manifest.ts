import { boolYaml11Tag, CORE_SCHEMA, loadAll, mergeTag, YAMLException } from "js-yaml";
import { KINESIS_SINKS } from "../resource.ts";
import { validateOnce } from "./validate-once.ts";
import type { Validation, ValidationOptions } from "./validation.ts";

/** As `kubectl` reads YAML: `yes` and `on` are booleans, `<<` merges. */
const kubectlYaml = CORE_SCHEMA.withTags(mergeTag, boolYaml11Tag);

function failure(code: string, message: string): Validation {
  return { ok: false, errors: [{ code, field: "(manifest)", message }] };
}

/** Reads documents apart from empty ones. The parser's own message would quote the text, which may hold a secret. */
function readDocuments(text: string): unknown[] | string {
  try {
    return loadAll(text, { schema: kubectlYaml }).filter((document) => document !== null && document !== undefined);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const place = error.mark === undefined ? "" : ` in line ${error.mark.line + 1}, column ${error.mark.column + 1}`;
    return `is not YAML${place}: ${error.reason}`;
  }
}

function nameOf(document: unknown, field: "kind" | "name"): string {
  const value: unknown =
    typeof document === "object" && document !== null
      ? Object.entries(document).find(([key]) => key === field)?.[1]
      : null;
  return typeof value === "string" ? value : "";
}

/**
 * Reads the one KinesisSink of a manifest, YAML of one or more documents or JSON, and validates it. Documents of other
 * kinds, such as the Secret beside it, are left aside.
 */
export function parseManifest(text: string, options: ValidationOptions = {}): Validation {
  const documents = readDocuments(text);
  if (typeof documents === "string") return failure("NotYaml", documents);
  const sinks = documents.filter((document) => nameOf(document, "kind") === KINESIS_SINKS.kind);
  const [sink, another] = sinks.length === 0 && documents.length === 1 ? documents : sinks;
  if (sink === undefined) {
    const kinds = documents.map((document) => nameOf(document, "kind") || "a document without kind");
    const found = kinds.length === 0 ? "it is empty" : `it has ${kinds.join(", ")}`;
    return failure("NoKinesisSink", `holds no ${KINESIS_SINKS.kind}: ${found}`);
  }
  if (another !== undefined) {
    return failure("SeveralKinesisSinks", `holds ${sinks.length} ${KINESIS_SINKS.kind}s: give one`);
  }
  return validateOnce(sink, options);
}
