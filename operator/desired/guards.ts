import type { KubeObject } from "../kube/objects.ts";
import { childMetadata, type LiveSink, selectorLabels } from "./names.ts";
import type { WorkerDefaults } from "./worker-defaults.ts";

export interface DisruptionBudgetObject extends KubeObject {
  spec: { maxUnavailable: number | string; unhealthyPodEvictionPolicy: string; selector: { matchLabels: object } };
}

export interface NetworkPolicyObject extends KubeObject {
  spec: { podSelector: { matchLabels: object }; policyTypes: string[]; ingress: object[]; egress?: readonly object[] };
}

/**
 * Keeps voluntary evictions from taking several workers of a sink at once; a single worker may always be evicted, as no number of
 * unavailable pods is less than one. A worker that is not ready holds up no drain of its node.
 */
export function disruptionBudget(sink: LiveSink, { disruptionBudget }: WorkerDefaults): KubeObject | undefined {
  if (!disruptionBudget) return undefined;
  const { maxUnavailable } = disruptionBudget;
  const selector = { matchLabels: selectorLabels(sink) };
  const spec = { maxUnavailable, unhealthyPodEvictionPolicy: "AlwaysAllow", selector };
  return { metadata: childMetadata(sink), spec } as DisruptionBudgetObject;
}

/** Closes the workers to all but who may read their health and metrics, and, where rules are given, to all but some ways out. */
export function networkPolicy(sink: LiveSink, { networkPolicy }: WorkerDefaults): KubeObject | undefined {
  if (!networkPolicy) return undefined;
  const { from, egress } = networkPolicy;
  const spec = {
    podSelector: { matchLabels: selectorLabels(sink) },
    policyTypes: egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"],
    ingress: [{ ports: [{ port: "http", protocol: "TCP" }], ...(from.length > 0 ? { from } : {}) }],
    ...(egress.length > 0 ? { egress } : {}),
  };
  return { metadata: childMetadata(sink), spec } as NetworkPolicyObject;
}
