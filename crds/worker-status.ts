import type { StructuralSchema } from "./json-schema.ts";
import type { WorkerStatus } from "./kinesissink.generated.ts";
import openApiSchema from "./schema.generated.json" with { type: "json" };

const entrySchema = (openApiSchema as StructuralSchema).properties?.["status"]?.properties?.["workers"]?.items ?? {};

function shorten(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).toWellFormed()}…`;
}

/** A broker's numbers can be anything; what is none is left out. */
function clamp(
  value: number,
  { minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: StructuralSchema,
): number | undefined {
  return Number.isNaN(value) ? undefined : Math.min(maximum, Math.max(minimum, Math.trunc(value)));
}

function boundAll(value: unknown, schema: StructuralSchema): unknown {
  if (typeof value === "number") return clamp(value, schema);
  if (typeof value === "string") return shorten(value, schema.maxLength ?? Number.POSITIVE_INFINITY);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => {
      const bounded = boundAll(part, schema.properties?.[name] ?? {});
      return bounded === undefined ? [] : [[name, bounded] as const];
    }),
  );
}

/**
 * The entry with every text cut to the length and every number brought into the range that the API server takes, so that
 * neither a long message nor an absurd count loses a report.
 */
export function boundWorkerStatus(entry: WorkerStatus): WorkerStatus {
  return boundAll(entry, entrySchema) as WorkerStatus;
}
