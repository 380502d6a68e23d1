import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { effectiveReplicas } from "../desired/replicas.ts";
import { gravestCause } from "./causes.ts";
import type { Cause, Observed, ObservedPod } from "./observed.ts";

/** What the checks ask, derived once from what was observed. */
export interface Facts {
  readonly observed: Observed;
  /** Pods that should exist. */
  readonly desired: number;
  /** Pods that are not terminating. */
  readonly live: readonly ObservedPod[];
  /** Pods that run, or still may: also those that are terminating. */
  readonly remaining: number;
  /** No worker is to run, and none does or will. */
  readonly stopped: boolean;
  /** Live pods of the desired template. */
  readonly current: readonly ObservedPod[];
  readonly ready: readonly ObservedPod[];
  /** Reports of the live pods that are not stale. */
  readonly reports: readonly WorkerStatus[];
  /** Why current pods do not work: the gravest cause. */
  readonly cause: Cause | undefined;
}

export function facts(observed: Observed): Facts {
  const live = observed.pods.filter((pod) => !pod.terminating);
  const current = live.filter((pod) => pod.current);
  const stale = new Set(observed.stale.map(({ pod }) => pod));
  const names = new Set(live.flatMap(({ name }) => (stale.has(name) ? [] : name)));
  const desired = effectiveReplicas(observed.sink);
  const remaining = observed.pods.filter((pod) => !pod.ended).length;
  return {
    observed,
    desired,
    live,
    remaining,
    stopped: desired === 0 && remaining === 0 && staysStopped(observed),
    current,
    ready: live.filter((pod) => pod.ready),
    reports: observed.workers.filter((worker) => names.has(worker.pod)),
    cause: gravestCause(current, observed, desired),
  };
}

/** Whether the Deployment makes no pod any more: its controller has acted on its being scaled to zero, or there is none. */
function staysStopped({ deployment, refused, failed }: Observed): boolean {
  if (!deployment) return (refused ?? failed) !== undefined;
  return deployment.replicas === 0 && deployment.observedGeneration >= deployment.generation;
}
