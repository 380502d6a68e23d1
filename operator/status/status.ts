import type { Condition, KinesisSinkStatus } from "../../crds/kinesissink.generated.ts";
import type { ConditionType } from "../../crds/status-values.ts";
import { selectorLabels } from "../desired/names.ts";
import type { ConditionState } from "./condition-state.ts";
import { sourceConnected, streamWritable, throttled } from "./connections.ts";
import { type Facts, facts } from "./facts.ts";
import type { Observed } from "./observed.ts";
import { pendingChange } from "./pending.ts";
import { reconciling, stalled } from "./progress.ts";
import { readiness } from "./readiness.ts";
import { paused } from "./stop.ts";
import { subscribed } from "./subscribed.ts";
import { totals } from "./totals.ts";

/** The part of a status that the operator writes: everything but the workers' entries and who it is itself. */
export type OperatorStatus = Required<
  Omit<KinesisSinkStatus, "workers" | "operator" | "subscribed" | "pendingChange" | "autoscaling">
> &
  Pick<KinesisSinkStatus, "subscribed" | "pendingChange" | "autoscaling">;

/**
 * The one place that decides what a sink's status says: a pure function of what was observed. `previous` are the conditions as
 * they were, for the time since when each holds; `now` is RFC 3339.
 */
export function computeStatus(observed: Observed, previous: readonly Condition[], now: string): OperatorStatus {
  const known = facts(observed);
  const { generation } = observed.sink.metadata;
  return {
    observedGeneration: generation,
    conditions: conditions(known).map(([type, state]) => {
      const before = previous.find((condition) => condition.type === type);
      const lastTransitionTime = before?.status === state.status ? before.lastTransitionTime : now;
      return { type, ...state, lastTransitionTime, observedGeneration: generation };
    }),
    replicas: known.live.length,
    readyReplicas: known.ready.length,
    selector: Object.entries(selectorLabels(observed.sink))
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    ...subscribed(known),
    totals: totals(known.reports, observed.sink.spec.config.retainOrdering),
    ignoredProperties: [...observed.ignoredProperties],
    ...pendingChange(observed, now),
  };
}

function conditions(known: Facts): [ConditionType, ConditionState][] {
  const stall = stalled(known);
  // kstatus reads Reconciling first, so a stalled sink must not claim to be on its way.
  const moving = stall ? undefined : reconciling(known);
  const all: [ConditionType, ConditionState | undefined][] = [
    ["Ready", readiness(known)],
    ["Paused", paused(known)],
    ["Reconciling", moving],
    ["Stalled", stall],
    ["SourceConnected", sourceConnected(known)],
    ["StreamWritable", streamWritable(known)],
    ["Throttled", throttled(known)],
  ];
  return all.filter((entry): entry is [ConditionType, ConditionState] => entry[1] !== undefined);
}
