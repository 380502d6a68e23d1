import type {
  V1Affinity,
  V1DeploymentSpec,
  V1PodSpec,
  V1PodTemplateSpec,
  V1TopologySpreadConstraint,
} from "@kubernetes/client-node";
import type { TopologySpreadConstraint } from "../../crds/kinesissink.generated.ts";
import { jsonHash } from "../../runtime/json-hash.ts";
import type { KubeObject } from "../kube/objects.ts";
import { configHash } from "./config-map.ts";
import { container } from "./container.ts";
import {
  CONFIG_HASH_ANNOTATION,
  childLabels,
  childMetadata,
  type LiveSink,
  selectorLabels,
  serviceAccountName,
  TEMPLATE_HASH_ANNOTATION,
} from "./names.ts";
import { effectiveReplicas } from "./replicas.ts";
import { volumes } from "./volumes.ts";
import type { WorkerDefaults } from "./worker-defaults.ts";

export interface DeploymentObject extends KubeObject {
  spec: V1DeploymentSpec;
}

/** The user and group of the image's `nonroot`. */
const NON_ROOT = 65532;
/** Seconds without progress after which a rollout counts as stuck. */
const PROGRESS_DEADLINE_SECONDS = 300;

export function deployment(sink: LiveSink, defaults: WorkerDefaults): DeploymentObject {
  return {
    metadata: childMetadata(sink),
    spec: {
      replicas: effectiveReplicas(sink),
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
      selector: { matchLabels: selectorLabels(sink) },
      // The old worker goes when the new one is ready: the broker hands over what both are subscribed to.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
      template: template(sink, defaults),
    },
  };
}

/** Tells the pods of one template from those of another, by an annotation on them. */
export function templateHash(deployment: DeploymentObject): string {
  return deployment.spec.template.metadata?.annotations?.[TEMPLATE_HASH_ANNOTATION] ?? "";
}

function template(sink: LiveSink, defaults: WorkerDefaults): V1PodTemplateSpec {
  const spec = podSpec(sink, defaults);
  const labels = { ...sink.spec.pod.labels, ...childLabels(sink) };
  const annotations = { ...sink.spec.pod.annotations, [CONFIG_HASH_ANNOTATION]: configHash(sink) };
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

function podSpec(sink: LiveSink, defaults: WorkerDefaults): V1PodSpec {
  const { pod } = sink.spec;
  const pullSecrets = pod.imagePullSecrets ?? defaults.imagePullSecrets.map((name) => ({ name }));
  return {
    serviceAccountName: serviceAccountName(sink),
    // The token is mounted explicitly; the admission plugin would add it where the sink's own account says so.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: pod.terminationGracePeriodSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: NON_ROOT,
      runAsGroup: NON_ROOT,
      fsGroup: NON_ROOT,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [container(sink, defaults)],
    volumes: volumes(sink).map(({ volume }) => volume),
    ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets } : {}),
    ...(pod.nodeSelector ? { nodeSelector: pod.nodeSelector } : {}),
    ...(pod.affinity ? { affinity: pod.affinity as V1Affinity } : {}),
    ...(pod.tolerations ? { tolerations: pod.tolerations } : {}),
    ...(pod.topologySpreadConstraints
      ? { topologySpreadConstraints: spread(sink, pod.topologySpreadConstraints) }
      : {}),
    ...(pod.priorityClassName ? { priorityClassName: pod.priorityClassName } : {}),
  };
}
