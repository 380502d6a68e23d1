import type { KinesisSinkSpec, KinesisSinkStatus, WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { LiveSink, OversizedSpec } from "../desired/names.ts";
import { type KubeObject, type ObjectMeta, objectKey } from "../kube/objects.ts";
import type { SinkView } from "./cluster.ts";

/** The longest spec that is kept, as JSON: a hundred times what is usual. A thousand sinks of one tenant must fit. */
export const LARGEST_SPEC = 262_144;
/** Of a longer one, what is larger than this is not kept. */
const LARGEST_PART = 4096;
/** The definition bounds what is known of a worker's entry, to some kilobytes, but keeps what is not known. */
const LARGEST_ENTRY = 16_384;

/**
 * What is kept of a sink: all that a reconcile asks for, and nothing that its user can make as large as he likes. The text of a
 * field that has no effect is left out, and so are annotations that are others'.
 */
export function sinkView(object: KubeObject): SinkView {
  const { metadata, spec, status } = object as LiveSink;
  const kept = withoutIdle(spec);
  const bytes = sizeOf(kept);
  const oversized = bytes > LARGEST_SPEC ? { bytes, field: largestField(kept) } : undefined;
  return {
    key: objectKey(metadata.namespace, metadata.name),
    resourceVersion: metadata.resourceVersion ?? "",
    sink: {
      ...(object as LiveSink),
      metadata: slimMetadata(metadata),
      spec: oversized ? shortened(kept) : kept,
      ...(status === undefined ? {} : { status: slimStatus(status) }),
      ...(oversized ? { oversized } : {}),
    },
  };
}

function slimMetadata(metadata: LiveSink["metadata"]): LiveSink["metadata"] {
  const { managedFields: _managed, annotations = {}, ...rest } = metadata as LiveSink["metadata"] & ObjectMeta;
  const own = Object.entries(annotations).filter(([name]) => name.startsWith(`${KINESIS_SINKS.group}/`));
  return { ...rest, ...(own.length > 0 ? { annotations: Object.fromEntries(own) } : {}) };
}

/** It counts only whether it is there. */
function withoutIdle(spec: KinesisSinkSpec): KinesisSinkSpec {
  if (spec?.config?.extraKinesisProducerConfig === undefined) return spec;
  return { ...spec, config: { ...spec.config, extraKinesisProducerConfig: {} } };
}

function slimStatus(status: KinesisSinkStatus): KinesisSinkStatus {
  if (!status.workers?.some((entry) => sizeOf(entry) > LARGEST_ENTRY)) return status;
  return { ...status, workers: status.workers.map(slimEntry) };
}

function slimEntry(entry: WorkerStatus): WorkerStatus {
  if (sizeOf(entry) <= LARGEST_ENTRY) return entry;
  const { pod, state, reportedAt } = entry;
  return { pod, state, ...(reportedAt === undefined ? {} : { reportedAt }) };
}

/** Characters of its JSON; nothing counts nothing. */
function sizeOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0;
}

/** With everything large two levels down made empty. */
function shortened(spec: KinesisSinkSpec): KinesisSinkSpec {
  const parts = Object.entries(spec).map(([name, part]) => [
    name,
    isObject(part) ? shortenedFields(part) : emptied(part),
  ]);
  return Object.fromEntries(parts) as KinesisSinkSpec;
}

function shortenedFields(part: object): object {
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, emptied(value)]));
}

function emptied(value: unknown): unknown {
  if (sizeOf(value) <= LARGEST_PART) return value;
  if (typeof value === "string") return "";
  return Array.isArray(value) ? [] : {};
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function largestField(spec: KinesisSinkSpec): OversizedSpec["field"] {
  let largest = { path: "spec", bytes: 0 };
  for (const [name, part] of Object.entries(spec)) {
    for (const [field, value] of Object.entries(isObject(part) ? part : {})) {
      const bytes = sizeOf(value);
      if (bytes > largest.bytes) largest = { path: `spec.${name}.${field}`, bytes };
    }
  }
  return largest;
}
