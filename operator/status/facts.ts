import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { gravestCause } from "./causes.ts";
import type { Cause, Observed, ObservedPod } from "./observed.ts";

/** What the checks ask, derived once from what was observed. */
export interface Facts {
  readonly observed: Observed;
  /** Pods that should exist. */
  readonly desired: number;
  /** Pods that are not terminating. */
  readonly live: readonly ObservedPod[];
  /** Live pods of the desired template. */
  readonly current: readonly ObservedPod[];
  readonly ready: readonly ObservedPod[];
  /** Reports of the live pods that are not stale. */
  readonly reports: readonly WorkerStatus[];
  /** Why current pods do not work: the gravest cause. */
  readonly cause: Cause | undefined;
}

export function facts(observed: Observed): Facts {
  const { spec } = observed.sink;
  const live = observed.pods.filter((pod) => !pod.terminating);
  const current = live.filter((pod) => pod.current);
  const stale = new Set(observed.stale.map(({ pod }) => pod));
  const names = new Set(live.flatMap(({ name }) => (stale.has(name) ? [] : name)));
  const desired = spec.paused ? 0 : spec.replicas;
  return {
    observed,
    desired,
    live,
    current,
    ready: live.filter((pod) => pod.ready),
    reports: observed.workers.filter((worker) => names.has(worker.pod)),
    cause: gravestCause(current, observed, desired),
  };
}
