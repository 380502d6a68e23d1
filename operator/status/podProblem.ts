import type { KubeObject } from "../kube/objects.ts";
import type { Problem } from "./observed.ts";

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
}

/** What is read of a pod (`core/v1`). */
export interface Pod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly containerStatuses?: readonly { name: string; state?: ContainerState; lastState?: ContainerState }[];
  };
}

/** Waiting that is part of any start. */
const NORMAL_WAITING = new Set(["ContainerCreating", "PodInitializing"]);

/** What keeps a pod from running: it cannot be scheduled, its container waits or fails. Undefined while all is well. */
export function podProblem(pod: Pod): Problem | undefined {
  return unschedulable(pod) ?? failed(pod) ?? waiting(pod);
}

function unschedulable({ status }: Pod): Problem | undefined {
  const found = status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (!found) return undefined;
  return { reason: found.reason ?? "Unschedulable", message: found.message ?? "the pod has no node", stalls: true };
}

function failed({ status }: Pod): Problem | undefined {
  if (status?.phase !== "Failed") return undefined;
  return { reason: status.reason ?? "PodFailed", message: status.message ?? "the pod failed", stalls: false };
}

function waiting({ status }: Pod): Problem | undefined {
  for (const container of status?.containerStatuses ?? []) {
    const wait = container.state?.waiting;
    if (!wait?.reason || NORMAL_WAITING.has(wait.reason)) continue;
    const last = container.lastState?.terminated;
    const ended = last ? `, it ended with ${last.reason ?? "an error"}, exit code ${last.exitCode ?? "unknown"}` : "";
    return { reason: wait.reason, message: `${wait.message ?? wait.reason}${ended}`, stalls: true };
  }
  return undefined;
}
