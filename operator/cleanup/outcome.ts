import type { JobObject } from "./job.ts";

/** What is read of a pod of the Job. */
export interface JobPod {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly containerStatuses?: readonly {
      readonly state?: {
        readonly waiting?: { readonly reason?: string; readonly message?: string };
        readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly message?: string };
      };
    }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

export type JobOutcome = "running" | "done" | "failed";

export function jobOutcome({ status }: JobObject): JobOutcome {
  const holds = (type: string) =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
  if (holds("Complete")) return "done";
  return holds("Failed") ? "failed" : "running";
}

const LENGTH = 400;

/** Why the Job has failed: the last words of a pod, or why it did not come so far. */
export function failureOf(job: JobObject, pods: readonly JobPod[]): string {
  const words = pods.flatMap((pod) => wordsOf(pod) ?? []).at(-1);
  if (words !== undefined) return words.length > LENGTH ? `…${words.slice(1 - LENGTH)}` : words;
  const failed = job.status?.conditions?.find(({ type }) => type === "Failed");
  const why = failed?.message || failed?.reason || "it gives no cause";
  return `${why}; see kubectl describe job ${job.metadata.name}`;
}

function wordsOf({ status }: JobPod): string | undefined {
  for (const { state } of status?.containerStatuses ?? []) {
    if (state?.terminated && state.terminated.exitCode !== 0) {
      return state.terminated.message?.trim() || state.terminated.reason || "it ended without a word";
    }
    if (state?.waiting?.message) return `${state.waiting.reason}: ${state.waiting.message}`;
  }
  return status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False")?.message;
}
