import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import type { OperatorReason } from "../../crds/reasons.ts";
import type { LiveSink } from "../desired/names.ts";

/** Why a sink or a pod does not work, in the form that a condition takes. */
export interface Cause {
  /** UpperCamelCase. */
  readonly reason: string;
  /** A sentence that names the cause and the remedy. */
  readonly message: string;
  /** Whether somebody must act before it can go on. */
  readonly stalls: boolean;
}

export interface DeploymentCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface ObservedDeployment {
  /** As last applied or seen. */
  readonly generation: number;
  /** Generation that the Deployment's own controller has acted on. */
  readonly observedGeneration: number;
  /** `spec.replicas`, as last written or seen. */
  readonly replicas: number;
  readonly conditions: readonly DeploymentCondition[];
}

/** A pod that the sink controls. */
export interface ObservedPod {
  readonly name: string;
  /** Made from the template that is desired now. */
  readonly current: boolean;
  readonly ready: boolean;
  readonly terminating: boolean;
  /** Its containers run no longer and never will again. */
  readonly ended: boolean;
  /** What keeps the pod from running, as Kubernetes tells it. */
  readonly cause: Cause | undefined;
  /** Named when neither Kubernetes nor the worker's report names a cause: repeated exits, a warning event. */
  readonly suspectedCause: Cause | undefined;
}

/** A report that is older than it may be, of a pod that is there. */
export interface StaleReport {
  readonly pod: string;
  readonly ageMs: number;
}

/** What kept the operator from making the sink's objects as desired: one of two, or nothing. */
export interface Blocked {
  /** The sink is not to run like this: its spec, a name that is taken, an object that the API server does not take. */
  readonly refused?: Cause | undefined;
  /** A request failed for reasons that are not the sink's. What runs goes on, and the request is tried again. */
  readonly failed?: Cause | undefined;
}

/** Why a change that came with the operator waits. */
export type PendingReason = Extract<OperatorReason, "RolloutWaiting" | "RolloutPaused" | "RolloutStopped">;

/** Everything that a sink's status is computed from. */
export interface Observed extends Blocked {
  readonly sink: LiveSink;
  readonly deployment: ObservedDeployment | undefined;
  readonly pods: readonly ObservedPod[];
  /** The reports of these pods. */
  readonly workers: readonly WorkerStatus[];
  /** Those among them that say nothing of now. */
  readonly stale: readonly StaleReport[];
  readonly ignoredProperties: readonly string[];
  /** A change that came with the operator waits. */
  readonly pending?: { readonly reason: PendingReason; readonly since: string | undefined } | undefined;
}
