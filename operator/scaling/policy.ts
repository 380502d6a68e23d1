import type { KinesisSinkSpec } from "../../crds/kinesissink.generated.ts";

/** `spec.autoscaling` */
export type Autoscaling = NonNullable<KinesisSinkSpec["autoscaling"]>;

/** Between which numbers, by which targets and how soon. */
export interface ScalingPolicy {
  readonly least: number;
  readonly most: number;
  readonly targetLagSeconds: number | undefined;
  /** Entries for each worker. */
  readonly targetBacklog: number | undefined;
  /** For so long a target is exceeded before workers are added, and is met by fewer before some are taken away. */
  readonly upMs: number;
  readonly downMs: number;
}

export function scalingPolicy(given: Autoscaling): ScalingPolicy {
  return {
    least: given.minReplicas,
    most: given.maxReplicas,
    targetLagSeconds: given.targetLagSeconds,
    targetBacklog: given.targetBacklogMessages,
    upMs: given.scaleUpStabilizationSeconds * 1000,
    downMs: given.scaleDownStabilizationSeconds * 1000,
  };
}
