import type { ResourceType } from "../../runtime/kube/resource-type.ts";
import { type LiveSink, SINK_LABEL, TEMPLATE_HASH_ANNOTATION } from "../desired/names.ts";
import { controllerOf, DEPLOYMENTS, type KubeObject, objectKey } from "../kube/objects.ts";
import type { Stored } from "../kube/store.ts";
import type { DeploymentCondition, ObservedDeployment } from "../status/observed.ts";
import type { ChildView, PodView, SinkView } from "./cluster.ts";
import { fingerprint } from "./fingerprint.ts";
import { type Pod, podCause, repeatedExit } from "./pod-cause.ts";

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

export function childView(type: ResourceType, object: KubeObject): ChildView {
  return {
    ...stored(object),
    uid: object.metadata.uid ?? "",
    group: sinkKey(object),
    controllerUid: controllerOf(object)?.uid,
    fingerprint: fingerprint(type, object),
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
  return { ...childView(DEPLOYMENTS, object), deployment };
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
