import { KINESIS_SINKS } from "../crds/resource.ts";
import type { ManifestDocument } from "../crds/validation/documents.ts";
import { kindOf } from "../crds/validation/manifest.ts";

/** What a document is to this program. `Other` is what Kubernetes knows and we do not, such as the Secret beside a sink. */
export type DocumentKind =
  | "KinesisSink"
  | "Pulsar IO configuration"
  | "Function Mesh Sink"
  | "Function Mesh"
  | "PulsarSink"
  | "List"
  | "Other";

/** Kinds that `convert` reads. */
export const CONNECTORS: ReadonlySet<DocumentKind> = new Set<DocumentKind>([
  "Pulsar IO configuration",
  "Function Mesh Sink",
  "Function Mesh",
  "PulsarSink",
]);

/** Of a configuration of Pulsar IO, which says neither kind nor apiVersion, one of these at least is there. */
const PULSAR_IO_FIELDS = [
  "configs",
  "className",
  "archive",
  "sinkType",
  "inputs",
  "topicsPattern",
  "sourceSubscriptionName",
];

/** Recognises a document by what it says of itself, or else by its fields. */
export function documentKind(document: Pick<ManifestDocument, "value">): DocumentKind {
  const { value } = document;
  const kind = kindOf(document);
  const fields = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const group = typeof fields["apiVersion"] === "string" ? fields["apiVersion"].replace(/\/.*/, "") : "";
  if (kind === "Sink" && group === "compute.functionmesh.io") return "Function Mesh Sink";
  if (kind === "FunctionMesh" && group === "compute.functionmesh.io") return "Function Mesh";
  if (kind === "PulsarSink" && group === "resource.streamnative.io") return "PulsarSink";
  if (kind === "List" && Array.isArray(fields["items"])) return "List";
  if (kind.toLowerCase() === KINESIS_SINKS.kind.toLowerCase() || group === KINESIS_SINKS.group) return "KinesisSink";
  if (kind !== "" || group !== "") return "Other";
  if (PULSAR_IO_FIELDS.some((field) => field in fields) && !("spec" in fields)) return "Pulsar IO configuration";
  return "KinesisSink";
}

/** The documents, those of a List one by one. */
export function flattened(documents: readonly ManifestDocument[]): ManifestDocument[] {
  return documents.flatMap((document) => {
    if (documentKind(document) !== "List") return [document];
    const { items } = document.value as { readonly items: readonly unknown[] };
    const inside = items.map((value, index) => ({
      value,
      place: (field: string, part?: "name" | "value") =>
        document.place(`items[${index}]${field === "" ? "" : `.${field}`}`, part),
    }));
    return flattened(inside.filter(({ value }) => value !== null && value !== undefined));
  });
}
