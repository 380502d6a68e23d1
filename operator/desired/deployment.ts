import type {
  V1Affinity,
  V1DeploymentSpec,
  V1PodSpec,
  V1PodTemplateSpec,
  V1TopologySpreadConstraint,
  V1Volume,
} from "@kubernetes/client-node";
import type { TopologySpreadConstraint, WorkerPod } from "../../crds/kinesissink.generated.ts";
import { jsonHash } from "../../runtime/json-hash.ts";
import type { KubeObject } from "../kube/objects.ts";
import { type WorkerConfig, workerConfig } from "./config-map.ts";
import { container } from "./container.ts";
import {
  CONFIG_HASH_ANNOTATION,
  childLabels,
  childMetadata,
  type LiveSink,
  MADE_FROM_ANNOTATION,
  selectorLabels,
  serviceAccountName,
  TEMPLATE_HASH_ANNOTATION,
} from "./names.ts";
import { podOf } from "./pod.ts";
import { effectiveReplicas } from "./replicas.ts";
import { formatMark, specMark } from "./spec-mark.ts";
import { volumes } from "./volumes.ts";
import type { PodIdentity, WorkerDefaults } from "./worker-defaults.ts";

export interface DeploymentObject extends KubeObject {
  spec: V1DeploymentSpec;
}

/** The user and group of the image's `nonroot`. */
const NON_ROOT: PodIdentity = { runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 };
/** Seconds without progress after which a rollout counts as stuck. */
const PROGRESS_DEADLINE_SECONDS = 300;

export function deployment(
  sink: LiveSink,
  defaults: WorkerDefaults,
  config: WorkerConfig = workerConfig(sink),
): DeploymentObject {
  return {
    // Each ReplicaSet keeps the annotations that the Deployment had at its revision.
    metadata: {
      ...childMetadata(sink),
      annotations: {
        [CONFIG_HASH_ANNOTATION]: config.hash,
        [MADE_FROM_ANNOTATION]: formatMark(specMark(sink)),
      },
    },
    spec: {
      replicas: effectiveReplicas(sink),
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
      selector: { matchLabels: selectorLabels(sink) },
      // The old worker goes when the new one is ready: the broker hands over what both are subscribed to.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
      template: template(sink, defaults, config),
    },
  };
}

/** Tells the pods of one template from those of another, by an annotation on them. */
export function templateHash(deployment: DeploymentObject): string {
  return deployment.spec.template.metadata?.annotations?.[TEMPLATE_HASH_ANNOTATION] ?? "";
}

function template(sink: LiveSink, defaults: WorkerDefaults, config: WorkerConfig): V1PodTemplateSpec {
  const pod = podOf(sink, defaults);
  const spec = podSpec(sink, pod, defaults, config);
  const labels = { ...pod.labels, ...childLabels(sink) };
  const annotations = { ...pod.annotations, [CONFIG_HASH_ANNOTATION]: config.hash };
  const hash = jsonHash({ spec, labels, annotations, account: accountAnnotations(sink) });
  return { metadata: { labels, annotations: { ...annotations, [TEMPLATE_HASH_ANNOTATION]: hash } }, spec };
}

/** What injects a cloud identity reads the account's annotations when a pod is made, and never again. */
function accountAnnotations({ spec: { serviceAccount } }: LiveSink): Record<string, string> | undefined {
  const annotations = serviceAccount?.annotations ?? {};
  return Object.keys(annotations).length > 0 ? annotations : undefined;
}

/** Without a selector a constraint counts no pod at all, and does nothing. */
function spread(sink: LiveSink, constraints: readonly TopologySpreadConstraint[]): V1TopologySpreadConstraint[] {
  const own = { matchLabels: selectorLabels(sink) };
  return constraints.map((constraint) => ({ ...constraint, labelSelector: constraint.labelSelector ?? own }));
}

function podSpec(sink: LiveSink, pod: WorkerPod, defaults: WorkerDefaults, config: WorkerConfig): V1PodSpec {
  const mounted = volumes(sink, config);
  const pullSecrets = pod.imagePullSecrets ?? defaults.imagePullSecrets.map((name) => ({ name }));
  return {
    serviceAccountName: serviceAccountName(sink),
    // The token is mounted explicitly; the admission plugin would add it where the sink's own account says so.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: pod.terminationGracePeriodSeconds,
    securityContext: {
      runAsNonRoot: true,
      ...(defaults.pod?.securityContext ?? NON_ROOT),
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [container(pod, defaults, config, mounted)],
    volumes: [...mounted.map(({ volume }) => volume), ...((pod.volumes ?? []) as V1Volume[])],
    ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets } : {}),
    ...(pod.nodeSelector ? { nodeSelector: pod.nodeSelector } : {}),
    ...(pod.affinity ? { affinity: pod.affinity as V1Affinity } : {}),
    ...(pod.tolerations ? { tolerations: pod.tolerations } : {}),
    ...(pod.topologySpreadConstraints
      ? { topologySpreadConstraints: spread(sink, pod.topologySpreadConstraints) }
      : {}),
    ...(pod.runtimeClassName ? { runtimeClassName: pod.runtimeClassName } : {}),
    ...(pod.hostAliases ? { hostAliases: pod.hostAliases } : {}),
    ...(pod.dnsConfig ? { dnsConfig: pod.dnsConfig } : {}),
    ...(pod.priorityClassName ? { priorityClassName: pod.priorityClassName } : {}),
  };
}
