import type { V1ResourceRequirements } from "@kubernetes/client-node";

export type ImagePullPolicy = "Always" | "IfNotPresent" | "Never";

/** What every worker pod gets unless its KinesisSink says otherwise. */
export interface WorkerDefaults {
  readonly image: string;
  readonly imagePullPolicy: ImagePullPolicy;
  /** Names of Secrets in the sink's namespace. */
  readonly imagePullSecrets: readonly string[];
  readonly resources: V1ResourceRequirements;
}
