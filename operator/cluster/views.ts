import { CHILD_SUFFIX, type LiveSink, SINK_LABEL, TEMPLATE_HASH_ANNOTATION } from "../desired/names.ts";
import { controllerOf, type KubeObject, objectKey } from "../kube/objects.ts";
import type { Stored } from "../kube/store.ts";
import type { DeploymentCondition, ObservedDeployment } from "../status/observed.ts";
import type { ChildView, PodEventView, PodView, SinkView } from "./cluster.ts";
import { fingerprint } from "./fingerprint.ts";
import { type Pod, podCause, repeatedExit } from "./pod-cause.ts";

/** An event's text is quoted in a status; more than this says nothing new. */
const MESSAGE_LIMIT = 512;

function stored({ metadata }: KubeObject): Stored {
  return {
    key: objectKey(metadata.namespace, metadata.name),
    resourceVersion: metadata.resourceVersion ?? "",
  };
}

/** The key of the sink that an object is labelled with. */
function sinkKey({ metadata }: KubeObject): string | undefined {
  const name = metadata.labels?.[SINK_LABEL];
  return name === undefined ? undefined : objectKey(metadata.namespace, name);
}

export function sinkView(object: KubeObject): SinkView {
  const { managedFields: _managed, ...metadata } = object.metadata;
  return { ...stored(object), sink: { ...object, metadata } as LiveSink };
}

export function childView(object: KubeObject): ChildView {
  return {
    ...stored(object),
    uid: object.metadata.uid ?? "",
    group: sinkKey(object),
    controllerUid: controllerOf(object)?.uid,
    fingerprint: fingerprint(object),
  };
}

interface Deployment extends KubeObject {
  readonly spec?: { replicas?: number };
  readonly status?: { observedGeneration?: number; conditions?: DeploymentCondition[] };
}

export function deploymentView(object: Deployment): ChildView {
  const deployment: ObservedDeployment = {
    generation: object.metadata.generation ?? 0,
    observedGeneration: object.status?.observedGeneration ?? 0,
    replicas: object.spec?.replicas ?? 0,
    conditions: (object.status?.conditions ?? []).map(({ type, status, reason, message }) => {
      return { type, status, reason: reason ?? "", message: message ?? "" };
    }),
  };
  return { ...childView(object), deployment };
}

export function podView(pod: Pod): PodView {
  const { metadata, status } = pod;
  const ended = status?.phase === "Failed" || status?.phase === "Succeeded";
  return {
    ...stored(pod),
    group: sinkKey(pod),
    name: metadata.name,
    controllerUid: controllerOf(pod)?.uid,
    templateHash: metadata.annotations?.[TEMPLATE_HASH_ANNOTATION],
    terminating: ended || metadata.deletionTimestamp !== undefined,
    ended,
    ready: status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false,
    started:
      status?.containerStatuses?.some(({ state, lastState }) => Boolean(state?.running ?? lastState?.terminated)) ??
      false,
    cause: podCause(pod),
    repeatedExit: repeatedExit(pod),
  };
}

interface CoreEvent extends KubeObject {
  readonly involvedObject: { readonly namespace?: string; readonly name?: string };
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly lastObservedTime?: string };
}

/** Warnings of which the pod's own status says more. */
const TOLD_BY_STATUS = new Set(["Failed", "BackOff", "FailedScheduling", "Unhealthy"]);

/** In the name of every worker: its Deployment is a child. */
const POD_NAME_PART = `${CHILD_SUFFIX}-`;

/** Keeps warnings about pods that are named like a worker; a cluster has many others. */
export function podEventView(object: KubeObject): PodEventView | undefined {
  const event = object as CoreEvent;
  const pod = event.involvedObject.name ?? "";
  if (!pod.includes(POD_NAME_PART) || TOLD_BY_STATUS.has(event.reason ?? "")) return undefined;
  return {
    ...stored(event),
    pod: objectKey(event.involvedObject.namespace, pod),
    reason: event.reason ?? "Warning",
    message: (event.message ?? "").slice(0, MESSAGE_LIMIT),
    at:
      event.series?.lastObservedTime ??
      event.lastTimestamp ??
      event.eventTime ??
      event.metadata.creationTimestamp ??
      "",
  };
}
