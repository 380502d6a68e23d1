import { CHILD_SUFFIX } from "../../crds/handover-lease.ts";
import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { ObjectMeta, OwnerReference } from "../kube/objects.ts";
import { PROGRAM } from "../program.ts";

/** A KinesisSink as the API server returns it: with namespace, uid and generation. */
export interface LiveSink extends KinesisSink {
  metadata: KinesisSink["metadata"] & { namespace: string; uid: string; generation: number };
  /** Given where the spec is larger than what is kept in memory: its large parts are empty here, and it must not be acted on. */
  oversized?: OversizedSpec;
  /** Why it is paused although its spec does not say so. */
  pausedBy?: string;
}

export interface OversizedSpec {
  /** Of the spec as JSON. */
  readonly bytes: number;
  /** Its largest part. */
  readonly field: { readonly path: string; readonly bytes: number };
}

export const SINK_LABEL = "pulsar-kinesis.io/sink";
export const TEMPLATE_HASH_ANNOTATION = "pulsar-kinesis.io/template-hash";
export const CONFIG_HASH_ANNOTATION = "pulsar-kinesis.io/config-hash";
/** Of a Deployment: the spec that its template was made from. */
export const MADE_FROM_ANNOTATION = "pulsar-kinesis.io/made-from";
/** Of a Deployment whose template the operator changed by itself: the turn in which. */
export const TURN_ANNOTATION = "pulsar-kinesis.io/turn";
/** Of a KinesisSink, "true": what waits for its turn rolls now. */
export const ROLL_NOW_ANNOTATION = "pulsar-kinesis.io/roll-now";

/** Selects whatever the operator makes, and the pods and ReplicaSets that come from it. */
export const MANAGED_SELECTOR = `app.kubernetes.io/managed-by=${PROGRAM}`;

/** The name of every child, whatever its kind. */
export function childName(sink: KinesisSink): string {
  return `${sink.metadata.name}${CHILD_SUFFIX}`;
}

export function serviceAccountName(sink: KinesisSink): string {
  return sink.spec.serviceAccount?.name || childName(sink);
}

/** Labels that select the worker pods of one sink; they can never change, as a Deployment's selector cannot. */
export function selectorLabels(sink: KinesisSink): Record<string, string> {
  return { "app.kubernetes.io/name": "kinesis-sink-worker", [SINK_LABEL]: sink.metadata.name };
}

export function childLabels(sink: KinesisSink): Record<string, string> {
  return {
    ...selectorLabels(sink),
    "app.kubernetes.io/instance": childName(sink),
    "app.kubernetes.io/component": "worker",
    "app.kubernetes.io/managed-by": PROGRAM,
  };
}

export function ownerReference(sink: LiveSink): OwnerReference {
  return {
    apiVersion: KINESIS_SINKS.apiVersion,
    kind: KINESIS_SINKS.kind,
    name: sink.metadata.name,
    uid: sink.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function childMetadata(sink: LiveSink): ObjectMeta {
  return {
    name: childName(sink),
    namespace: sink.metadata.namespace,
    labels: childLabels(sink),
    ownerReferences: [ownerReference(sink)],
  };
}
