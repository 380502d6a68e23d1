import type { KinesisSink } from "./kinesissink.generated.ts";

/**
 * How many workers a sink has while it is not paused: what the operator has chosen, where the spec lets it. 0 of spec.replicas
 * stops the sink all the same, as with a HorizontalPodAutoscaler. Where nothing was chosen yet, spec.replicas is the start.
 */
export function runningReplicas({ spec, status }: Pick<KinesisSink, "spec" | "status">): number {
  const { autoscaling, replicas } = spec;
  if (!autoscaling || replicas === 0) return replicas;
  const chosen = status?.autoscaling?.replicas ?? replicas;
  return Math.min(autoscaling.maxReplicas, Math.max(autoscaling.minReplicas, chosen));
}
