import type { VolumeHolder } from "../desired/volumes.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Cause } from "../status/observed.ts";

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly message?: string };
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

/** What is read of a pod (`core/v1`). */
export interface Pod extends KubeObject {
  readonly spec?: VolumeHolder & { readonly serviceAccountName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** Waiting that is part of any start. */
const NORMAL_WAITING = new Set(["ContainerCreating", "PodInitializing"]);

/** What keeps a pod from running: it cannot be scheduled, its container waits or fails. Undefined while all is well. */
export function podCause(pod: Pod): Cause | undefined {
  return unschedulable(pod) ?? failed(pod) ?? waiting(pod);
}

function unschedulable({ status }: Pod): Cause | undefined {
  const found = status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (!found) return undefined;
  // A cluster autoscaler takes minutes to add a node.
  return { reason: found.reason ?? "Unschedulable", message: found.message ?? "the pod has no node", stalls: false };
}

function failed({ status }: Pod): Cause | undefined {
  if (status?.phase !== "Failed") return undefined;
  return { reason: status.reason ?? "PodFailed", message: status.message ?? "the pod failed", stalls: false };
}

function waiting({ status }: Pod): Cause | undefined {
  for (const container of status?.containerStatuses ?? []) {
    const wait = container.state?.waiting;
    if (!wait?.reason || NORMAL_WAITING.has(wait.reason)) continue;
    // The kubelet's own words on a crash loop count up seconds, and would change the status with each restart.
    if (wait.reason === CRASH_LOOP) return exitCause(container);
    return { reason: wait.reason, message: bounded(wait.message ?? wait.reason), stalls: true };
  }
  return undefined;
}

/** A container that runs again after it ended more than once, as between two waits of a crash loop. */
export function repeatedExit({ status }: Pod): Cause | undefined {
  const exited = status?.containerStatuses?.find(
    ({ restartCount = 0, state, lastState }) => state?.running && lastState?.terminated && restartCount > 1,
  );
  return exited && exitCause(exited);
}

const CRASH_LOOP = "CrashLoopBackOff";

function exitCause({ name, lastState }: ContainerStatus): Cause {
  const last = lastState?.terminated;
  const words = lastWords(last?.message ?? "");
  const why = words === "" ? "; see its log with kubectl logs --previous" : `: ${words}`;
  return {
    reason: CRASH_LOOP,
    message: `container ${name} keeps ending (${last?.reason ?? "Error"}, exit code ${last?.exitCode ?? "unknown"})${why}`,
    stalls: true,
  };
}

const LENGTH = 400;

/** The kubelet quotes whole errors of the container runtime. */
function bounded(message: string): string {
  return message.length > LENGTH ? `${message.slice(0, LENGTH - 1)}…` : message;
}

/** The end of what the kubelet quotes of a log, up to 2 KiB: what a program says last is why it ended. */
function lastWords(log: string): string {
  const text = log.trim();
  return text.length > LENGTH ? `…${text.slice(1 - LENGTH)}` : text;
}
