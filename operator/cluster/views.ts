import type { ResourceType } from "../../runtime/kube/resource-type.ts";
import { MADE_FROM_ANNOTATION, SINK_LABEL, TEMPLATE_HASH_ANNOTATION, TURN_ANNOTATION } from "../desired/names.ts";
import { parseMark } from "../desired/spec-mark.ts";
import { mountedConfig, type VolumeHolder } from "../desired/volumes.ts";
import { controllerOf, DEPLOYMENTS, type KubeObject, type ObjectMeta, objectKey } from "../kube/objects.ts";
import type { Stored } from "../kube/store.ts";
import { type Progress, parseTurn } from "../rollout/judge.ts";
import type { DeploymentCondition, ObservedDeployment } from "../status/observed.ts";
import type { ChildView, PodView, TemplateView } from "./cluster.ts";
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

export function childView(type: ResourceType, object: KubeObject): ChildView {
  return {
    ...stored(object),
    uid: object.metadata.uid ?? "",
    group: sinkKey(object),
    controllerUid: controllerOf(object)?.uid,
    fingerprint: fingerprint(type, object),
  };
}

/** What is read of a Deployment (`apps/v1`). */
export interface Deployment extends KubeObject {
  readonly spec?: { replicas?: number; template?: { metadata?: Pick<ObjectMeta, "annotations">; spec?: VolumeHolder } };
  readonly status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    conditions?: DeploymentCondition[];
  };
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
  return { ...childView(DEPLOYMENTS, object), deployment, template: templateView(object) };
}

export function templateView(object: Deployment): TemplateView {
  const { annotations = {} } = object.metadata;
  const template = object.spec?.template;
  return {
    configMap: mountedConfig(template?.spec),
    hash: template?.metadata?.annotations?.[TEMPLATE_HASH_ANNOTATION],
    madeFrom: parseMark(annotations[MADE_FROM_ANNOTATION]),
    turn: parseTurn(annotations[TURN_ANNOTATION]),
    progress: progressOf(object),
  };
}

/** By what the Deployment's controller says (`apps/v1`, DeploymentProgressing). */
function progressOf({ metadata, status = {} }: Deployment): Progress {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, conditions = [] } = status;
  if (observedGeneration < (metadata.generation ?? 0)) return "moving";
  const reason = conditions.find(({ type }) => type === "Progressing")?.reason;
  // One that somebody paused does not come to an end either.
  if (reason === "ProgressDeadlineExceeded" || reason === "DeploymentPaused") return "stuck";
  return reason === "NewReplicaSetAvailable" && replicas === updatedReplicas ? "done" : "moving";
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
    account: pod.spec?.serviceAccountName ?? "",
    configMap: mountedConfig(pod.spec),
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
