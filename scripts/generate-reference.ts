import type { StructuralSchema } from "../crds/json-schema.ts";
import {
  operatorReasons,
  poisonReasons,
  type Reason,
  scalingReasons,
  sourceReasons,
  streamReasons,
  workerReasons,
} from "../crds/reasons.ts";
import { KINESIS_SINKS } from "../crds/resource.ts";

/** A column of `kubectl get`, as the definition has it. */
export interface PrinterColumn {
  name: string;
  description?: string;
  priority?: number;
  jsonPath: string;
}

/** Parts that mean what they mean in Kubernetes itself: named here, described there. */
const kubernetesParts: ReadonlySet<string> = new Set([
  "spec.pod.resources",
  "spec.pod.affinity",
  "spec.pod.tolerations",
  "spec.pod.topologySpreadConstraints",
  "spec.pod.env",
  "spec.pod.imagePullSecrets",
]);

function typeOf(schema: StructuralSchema): string {
  if (schema.type === "array") return `list of ${schema.items === undefined ? "values" : typeOf(schema.items)}s`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object") return "map of strings";
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(", ");
  return schema.format === "date-time" ? "time" : (schema.type ?? "value");
}

/** Bounds that keep a number one that every program reads the same; nobody comes near them. */
const largest: readonly (number | undefined)[] = [2 ** 31 - 1, Number.MAX_SAFE_INTEGER];

function rangeOf(schema: StructuralSchema): string {
  const { maxLength, maxItems, maxProperties, minLength, items } = schema;
  const { minimum, maximum } = largest.includes(schema.maximum) ? {} : schema;
  const parts: string[] = [];
  if (minimum !== undefined && maximum !== undefined) parts.push(`${minimum} to ${maximum}`);
  else if (minimum !== undefined) parts.push(`at least ${minimum}`);
  if (maxLength !== undefined)
    parts.push(`${minLength === undefined ? "up to" : `${minLength} to`} ${maxLength} characters`);
  if (maxItems !== undefined) parts.push(`up to ${maxItems} entries`);
  if (maxProperties !== undefined) parts.push(`up to ${maxProperties} entries`);
  if (items?.maxLength !== undefined) parts.push(`each up to ${items.maxLength} characters`);
  return parts.join(", ");
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), `|${" --- |".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

function defaultOf(field: StructuralSchema, required: boolean): string {
  if (required) return "required";
  return field.default === undefined || typeof field.default === "object" ? "" : `\`${JSON.stringify(field.default)}\``;
}

function rulesOf(schema: StructuralSchema): string[] {
  const own = (schema["x-kubernetes-validations"] ?? []).map(({ message }) => message);
  const ofFields = Object.entries(schema.properties ?? {}).flatMap(([name, part]) =>
    [part, ...(part.items === undefined ? [] : [part.items])].flatMap((holder) =>
      holder.properties === undefined
        ? (holder["x-kubernetes-validations"] ?? []).map(({ message }) => `\`${name}\` ${message}`)
        : [],
    ),
  );
  return [...own, ...ofFields];
}

/** Parts of a schema that get a section of their own: objects with fields, also as items of lists. */
function partsOf(schema: StructuralSchema, path: string): (readonly [string, StructuralSchema])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}.${name}`;
    if (kubernetesParts.has(here)) return [];
    if (field.items?.properties !== undefined) return [[`${here}[]`, field.items] as const];
    return field.properties === undefined ? [] : [[here, field] as const];
  });
}

function section(path: string, schema: StructuralSchema, level: number): string[] {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const text = field.description ?? field.items?.description ?? "";
    const needed = schema.required?.includes(name) ?? false;
    return [`\`${name}\``, typeOf(field), defaultOf(field, needed), rangeOf(field), text];
  });
  const rules = path.startsWith("status") ? [] : rulesOf(schema);
  return [
    `${"#".repeat(level)} ${path}`,
    schema.description ?? "",
    table(["Field", "Type", "Default", "Range", "Meaning"], rows),
    ...(rules.length === 0 ? [] : ["Refused otherwise:", rules.map((rule) => `- ${rule}`).join("\n")]),
    ...partsOf(schema, path).flatMap(([name, part]) => section(name, part, Math.min(level + 1, 4))),
  ];
}

function reasonTable(reasons: Readonly<Record<string, Reason>>, no = "no, it passes or is retried"): string {
  const rows = Object.entries(reasons).map(([name, { stalls, meaning }]) => [
    `\`${name}\``,
    stalls ? "yes" : no,
    meaning,
  ]);
  return table(["Reason", "Needs you", "Meaning"], rows);
}

/** The API reference page, in Markdown. */
export function generateReference(schema: StructuralSchema, columns: readonly PrinterColumn[], banner: string): string {
  const { spec = {}, status = {} } = schema.properties ?? {};
  const columnRows = columns.map(({ name, priority, description, jsonPath }) => [
    `\`${name.toUpperCase()}\``,
    (priority ?? 0) > 0 ? "with `-o wide`" : "always",
    `\`${jsonPath}\``,
    description ?? "",
  ]);
  const parts = [
    `<!-- ${banner} -->`,
    "# KinesisSink reference",
    `${schema.description} apiVersion \`${KINESIS_SINKS.apiVersion}\`, kind \`${KINESIS_SINKS.kind}\`, short name \`${KINESIS_SINKS.shortName}\`. A sink's name has at most 40 characters. An empty string means the same as leaving a field out.`,
    "Contents: [spec](#spec), [spec.config](#specconfig), [spec.pulsar](#specpulsar), [status](#status), [reasons](#reasons), [columns](#columns).",
    ...section("spec", spec, 2),
    ...section("status", status, 2),
    "## Reasons",
    "What workers give as `reason` for their source, their stream, a message, or themselves. The conditions SourceConnected, StreamWritable and Ready carry it on.",
    "### Source",
    reasonTable(sourceReasons),
    "### Stream",
    reasonTable(streamReasons),
    "### Messages that cannot be delivered",
    reasonTable(poisonReasons),
    "### Worker",
    reasonTable(workerReasons),
    "### Conditions",
    "What the operator gives itself. What Kubernetes says of pods is carried on too, for example `ImagePullBackOff`, `FailedMount` or `Evicted`.",
    reasonTable(operatorReasons, "no"),
    "### Autoscaling",
    "What `status.autoscaling` and the Events about it give.",
    reasonTable(scalingReasons, "no"),
    "## Columns",
    `What \`kubectl get ${KINESIS_SINKS.plural}\` shows.`,
    table(["Column", "Shown", "Path", "Meaning"], columnRows),
  ];
  return `${parts.join("\n\n")}\n`;
}
