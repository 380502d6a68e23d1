import type { StructuralSchema } from "./json-schema.ts";
import type { WorkerStatus } from "./kinesissink.generated.ts";
import openApiSchema from "./schema.generated.json" with { type: "json" };

const entrySchema = (openApiSchema as StructuralSchema).properties?.["status"]?.properties?.["workers"]?.items ?? {};

function shorten(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).toWellFormed()}…`;
}

function shortenAll(value: unknown, schema: StructuralSchema): unknown {
  if (typeof value === "string") return shorten(value, schema.maxLength ?? Number.POSITIVE_INFINITY);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, shortenAll(part, schema.properties?.[name] ?? {})]),
  );
}

/** The entry with every text cut to the length that the API server takes, so that a long message loses no report. */
export function boundWorkerStatus(entry: WorkerStatus): WorkerStatus {
  return shortenAll(entry, entrySchema) as WorkerStatus;
}
