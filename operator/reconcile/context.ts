import type { Clock } from "../../runtime/clock.ts";
import type { KubeClient } from "../../runtime/kube/client.ts";
import type { StatusApply } from "../../runtime/kube/status-apply.ts";
import type { Logger } from "../../runtime/log.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Child } from "../desired/children.ts";
import type { LiveSink } from "../desired/names.ts";
import type { WorkerDefaults } from "../desired/worker-defaults.ts";
import type { EventRecorder } from "../kube/events.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { Cause, ObservedDeployment } from "../status/observed.ts";
import type { OperatorStatus } from "../status/status.ts";

/** What the reconciles of all sinks share. */
export interface Dependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: OperatorMetrics;
  readonly events: EventRecorder;
  readonly statuses: StatusApply;
  readonly cluster: Cluster;
  readonly worker: WorkerDefaults;
}

/** A pod that has not started, and that Kubernetes gives no cause for. */
export interface PodWarning {
  /** When its warnings are asked for, monotonic milliseconds. */
  askAt: number;
  /** From then to the next time. */
  againMs: number;
  cause: Cause | undefined;
}

export interface AppliedChild {
  /** Of the object as it was desired. */
  readonly hash: string;
  /** Of the object that the API server answered with, and its version: what the watch shows may be from before. */
  readonly fingerprint: string;
  readonly resourceVersion: string | undefined;
}

export interface Repair {
  readonly times: number;
  /** Of the last one, monotonic milliseconds. */
  readonly at: number;
  /** Somebody has changed the child again, and it is not put back yet. */
  readonly waits: boolean;
}

/** Of a deleted sink: the Jobs that could not delete its subscription. */
export interface FailedCleanup {
  readonly failures: number;
  /** The uid of the last one. */
  readonly failedJob: string | undefined;
  /** What it failed for. */
  readonly why: string | undefined;
  /** When another one is made, monotonic milliseconds. */
  readonly retryAt: number;
}

export interface WrittenStatus {
  readonly status: OperatorStatus;
  /** Of the sink that the API server answered with: what the watch shows may be from before. */
  readonly resourceVersion: string | undefined;
  /** What the answer held of it, as a hash: conditions of others remain, and a field may be none of the definition's. */
  readonly answer: string;
}

/** A worker's entry as the operator last saw it change. */
export interface SeenReport {
  /** Changes with each report. */
  readonly mark: string;
  /** Monotonic milliseconds. */
  at: number;
  /** It is stale when it is older than this, milliseconds. */
  readonly limitMs: number;
  stale: boolean;
}

/** What the operator remembers of a sink between reconciles. Losing it costs some needless writes. */
export interface Memory {
  readonly uid: string;
  /** By kind: what was applied last, and what it made of the object. */
  readonly applied: Map<string, AppliedChild>;
  /** By kind: how often a child was put back since it was last left alone. */
  readonly repairs: Map<string, Repair>;
  /** `metadata.generation` of the Deployment as last applied; fresher than the watch. 0 before the first time. */
  deploymentGeneration: number;
  /** `spec.replicas` of that generation. */
  deploymentReplicas: number;
  /** The status as last written. */
  written: WrittenStatus | undefined;
  /** Monotonic milliseconds. */
  statusWrittenAt: number;
  /** Of a sink that is refused: what it was refused for, and when it is tried again. */
  refusal: { readonly mark: string; readonly delayMs: number; readonly dueAt: number } | undefined;
  /** By kind: objects of others that an apply was merged into, until that is undone. */
  readonly merged: Map<string, KubeObject>;
  /** By name: what is known of pods that have not started. */
  readonly podWarnings: Map<string, PodWarning>;
  /** By pod. */
  readonly reports: Map<string, SeenReport>;
  /** When the number of workers was last decided on, monotonic milliseconds. */
  decidedAt: number | undefined;
  cleanup: FailedCleanup;
}

export function freshMemory(uid: string): Memory {
  return {
    uid,
    applied: new Map(),
    repairs: new Map(),
    deploymentGeneration: 0,
    deploymentReplicas: 0,
    written: undefined,
    statusWrittenAt: 0,
    refusal: undefined,
    merged: new Map(),
    podWarnings: new Map(),
    reports: new Map(),
    decidedAt: undefined,
    cleanup: { failures: 0, failedJob: undefined, why: undefined, retryAt: 0 },
  };
}

/** One reconcile of one sink. */
export interface Context extends Dependencies {
  readonly sink: LiveSink;
  /** `namespace/name` of the sink. */
  readonly key: string;
  /** What should exist for it; none until its spec is known to be valid. */
  children: readonly Child[];
  /** Paths of fields of the spec that this version does not know. */
  unknownFields: readonly string[];
  /** By kind: uids of the children that exist and are this sink's. */
  readonly owned: Map<string, string>;
  readonly memory: Memory;
  readonly signal: AbortSignal;
}

/** A step towards the desired objects. A cause ends the chain, goes into the status, and is tried again later. */
export type Step = (context: Context) => Cause | undefined | Promise<Cause | undefined>;

/** The Deployment as the watch brings it, or as it was last written where that is fresher. */
export function liveDeployment(memory: Memory, seen: ObservedDeployment): ObservedDeployment {
  if (seen.generation >= memory.deploymentGeneration) return seen;
  return { ...seen, generation: memory.deploymentGeneration, replicas: memory.deploymentReplicas };
}

export function target(context: Pick<Context, "sink">, child: Child, name: string) {
  return { type: child.type, namespace: context.sink.metadata.namespace, name };
}
