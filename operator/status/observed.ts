import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import type { LiveSink } from "../desired/names.ts";

/** Why something does not work, in the form that a condition takes. */
export interface Problem {
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
  readonly conditions: readonly DeploymentCondition[];
}

/** A pod that the sink controls. */
export interface ObservedPod {
  readonly name: string;
  /** Made from the template that is desired now. */
  readonly current: boolean;
  readonly ready: boolean;
  readonly terminating: boolean;
  /** What keeps the pod from running, as Kubernetes tells it. */
  readonly problem: Problem | undefined;
  /** What to blame when neither Kubernetes nor the worker's report names a cause: an earlier crash, a warning event. */
  readonly suspicion: Problem | undefined;
}

/** What kept the operator from making the sink's objects as desired. */
export interface Obstacle {
  /** The sink is not to run like this. */
  readonly refusal?: Problem | undefined;
  /** Something failed that has nothing to do with the sink. What runs goes on. */
  readonly failure?: Problem | undefined;
}

/** Everything that a sink's status is computed from. */
export interface Observed extends Obstacle {
  readonly sink: LiveSink;
  readonly deployment: ObservedDeployment | undefined;
  readonly pods: readonly ObservedPod[];
  /** The reports of these pods. */
  readonly workers: readonly WorkerStatus[];
  readonly ignoredProperties: readonly string[];
}
