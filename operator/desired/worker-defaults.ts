import type { V1ResourceRequirements } from "@kubernetes/client-node";
import type { WorkerPod } from "../../crds/kinesissink.generated.ts";

export type ImagePullPolicy = "Always" | "IfNotPresent" | "Never";

/** As whom the containers of a pod run; what is absent the platform decides. */
export interface PodIdentity {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
}

/** Fields of a pod for all workers. */
export interface FleetPod extends Partial<WorkerPod> {
  /** Absent: the user of the image. */
  readonly securityContext?: PodIdentity;
}

/** What every worker pod gets unless its KinesisSink says otherwise. */
export interface WorkerDefaults {
  readonly image: string;
  readonly imagePullPolicy: ImagePullPolicy;
  /** Names of Secrets in the sink's namespace. */
  readonly imagePullSecrets: readonly string[];
  readonly resources: V1ResourceRequirements;
  readonly pod?: FleetPod;
  /** Absent: none is made, and one that was is deleted. */
  readonly disruptionBudget?: { readonly maxUnavailable: number | string };
  /** Absent: none is made, and one that was is deleted. */
  readonly networkPolicy?: WorkerNetworkPolicy;
}

/** As a NetworkPolicy has them. */
export interface WorkerNetworkPolicy {
  /** Peers that may read health and metrics; none means everybody. */
  readonly from: readonly object[];
  /** Rules for what workers may reach; none means everything. */
  readonly egress: readonly object[];
}
