import { reportedCause } from "./causes.ts";
import { type ConditionState, conditionState, ownState } from "./condition-state.ts";
import type { Facts } from "./facts.ts";

/** Present when somebody must act: nothing, or a part of the topics, goes on by itself. */
export function stalled(facts: Facts): ConditionState | undefined {
  const { refused } = facts.observed;
  if (refused) return refused.stalls ? conditionState("True", refused.reason, refused.message) : undefined;
  if (facts.desired === 0) return undefined;
  if (facts.cause?.stalls) return conditionState("True", facts.cause.reason, facts.cause.message);
  // Poison holds its topic partition only, and its worker stays ready. What old pods say may be mended by the new ones.
  const current = new Set(facts.current.map((pod) => pod.name));
  const report = facts.reports.find(({ pod, state }) => state === "Stalled" && current.has(pod));
  const cause = report && reportedCause(report);
  return cause && conditionState("True", cause.reason, cause.message);
}

/** Present while the pods are on their way to what is desired. */
export function reconciling(facts: Facts): ConditionState | undefined {
  const { observed, desired, live, current, remaining } = facts;
  const { refused, failed } = observed;
  const blocked = refused ?? failed;
  if (blocked) return conditionState("True", blocked.reason, blocked.message);
  const { deployment } = observed;
  if (!deployment || deployment.observedGeneration < deployment.generation) {
    return ownState("True", "Applying", "the Deployment is being created or changed");
  }
  if (desired === 0) {
    return facts.stopped ? undefined : ownState("True", "ScalingDown", `${remaining} workers are stopping`);
  }
  const old = live.length - current.length;
  if (old > 0) return rolling(facts, old);
  if (live.length > desired) return ownState("True", "ScalingDown", `${live.length - desired} workers are to stop`);
  const ready = current.filter((pod) => pod.ready).length;
  if (ready >= desired) return undefined;
  if (facts.cause) return conditionState("True", facts.cause.reason, facts.cause.message);
  return ownState("True", "WorkersStarting", `${ready} of ${desired} workers are ready`);
}

function rolling({ current, desired, cause }: Facts, old: number): ConditionState {
  const trouble = cause ? `; ${cause.message}` : "";
  return ownState(
    "True",
    "RollingUpdate",
    `${current.length} of ${desired} workers are new, ${old} are to go${trouble}`,
  );
}
