import type { Condition } from "../../../crds/kinesissink.generated.ts";

export type KStatus = "Current" | "InProgress" | "Failed";

/**
 * What Flux, Helm `--wait` and Argo CD's healths read out of any custom resource: the rules of kstatus
 * (sigs.k8s.io/cli-utils, pkg/kstatus: checkGenericProperties, then checkReadyCondition), in its order.
 */
export function kstatus(
  generation: number,
  status: { observedGeneration?: number; conditions?: Condition[] },
): KStatus {
  if (status.observedGeneration !== undefined && status.observedGeneration !== generation) return "InProgress";
  const conditions = status.conditions ?? [];
  for (const { type, status: holds } of conditions) {
    if (type === "Reconciling" && holds === "True") return "InProgress";
    if (type === "Stalled" && holds === "True") return "Failed";
  }
  const ready = conditions.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "True" ? "Current" : "InProgress";
}
