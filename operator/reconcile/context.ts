import type { Clock } from "../../runtime/clock.ts";
import type { KubeClient } from "../../runtime/kube/client.ts";
import type { StatusApply } from "../../runtime/kube/status-apply.ts";
import type { Logger } from "../../runtime/log.ts";
import type { ChildView, Cluster, TemplateView } from "../cluster/cluster.ts";
import type { Child } from "../desired/children.ts";
import type { LiveSink } from "../desired/names.ts";
import type { WorkerDefaults } from "../desired/worker-defaults.ts";
import type { EventRecorder } from "../kube/events.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { Fleet } from "../rollout/fleet.ts";
import type { RolloutPolicy } from "../rollout/policy.ts";
import type { Turn } from "../rollout/turns.ts";
import type { Cause, ObservedDeployment, PendingReason } from "../status/observed.ts";
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
  readonly operator: OperatorIdentity;
  readonly pause: FleetPause;
  readonly fleet: Fleet;
  readonly rollout: RolloutPolicy;
}

/** What is paused by the operator's settings, as in an incident. */
export interface FleetPause {
  readonly all: boolean;
  readonly namespaces: readonly string[];
}

/** Who this is, in the status of the sinks. */
export interface OperatorIdentity {
  readonly class: string;
  readonly version: string;
  readonly pod: string;
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
  /** What its pods are made from. */
  template: TemplateView | undefined;
  /** The status as last written. */
  written: WrittenStatus | undefined;
  /** Monotonic milliseconds. */
  statusWrittenAt: number;
  /** Of a sink that is refused: what it was refused for, and when it is tried again. */
  refusal: { readonly mark: string; readonly delayMs: number; readonly dueAt: number } | undefined;
  /** By kind: objects of others that an apply was merged into, until that is undone. */
  readonly merged: Map<string, KubeObject>;
  /** By name: since when a configuration is nobody's, monotonic milliseconds. */
  readonly unusedSince: Map<string, number>;
  /** By name: what is known of pods that have not started. */
  readonly podWarnings: Map<string, PodWarning>;
  /** By pod. */
  readonly reports: Map<string, SeenReport>;
  /** Value of the annotation by which somebody asked for everything to be done anew. */
  readonly asked?: string | undefined;
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
    template: undefined,
    written: undefined,
    statusWrittenAt: 0,
    refusal: undefined,
    merged: new Map(),
    unusedSince: new Map(),
    podWarnings: new Map(),
    reports: new Map(),
    decidedAt: undefined,
    cleanup: { failures: 0, failedJob: undefined, why: undefined, retryAt: 0 },
  };
}

/** A change of the workers that came with the operator. */
export interface Change {
  /** The sink's turn has come, and it is this one. */
  turn: Turn | undefined;
  /** It has been written. */
  begun: boolean;
  /** It waits; not only for its turn where not every sink is known. */
  pending: { readonly reason: PendingReason; readonly unsure: boolean } | undefined;
  /** It was written before, and the sink did not become Ready. */
  fails: boolean;
}

export function noChange(): Change {
  return { turn: undefined, begun: false, pending: undefined, fails: false };
}

/** One reconcile of one sink. */
export interface Context extends Dependencies {
  readonly sink: LiveSink;
  /** `namespace/name` of the sink. */
  readonly key: string;
  /** Why its spec cannot be acted on. */
  refused: Cause | undefined;
  /** What should exist for it; none where its spec is not valid. */
  children: readonly Child[];
  /** Hash of the template that its pods are to be of now; undefined where its spec is not valid. */
  templateHash: string | undefined;
  readonly change: Change;
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

/** What the Deployment's pods are made from, as the watch brings it, or as it was last written where that is fresher. */
export function liveTemplate(memory: Memory, seen: ChildView): TemplateView | undefined {
  const fresher = memory.deploymentGeneration > (seen.deployment?.generation ?? 0);
  return (fresher ? memory.template : undefined) ?? seen.template;
}

export function target(context: Pick<Context, "sink">, child: Child, name: string) {
  return { type: child.type, namespace: context.sink.metadata.namespace, name };
}
