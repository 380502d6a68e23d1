import { type ConditionState, conditionState, ownState } from "./condition-state.ts";
import type { Facts } from "./facts.ts";
import { wishedStop } from "./stop.ts";

type Check = (facts: Facts) => ConditionState | undefined;

/** The first check that answers says whether data can flow now. */
const CHECKS: readonly Check[] = [refused, stopping, generationCannotStart, noWorkerReady, workersReady];

/** None for a sink that is stopped as somebody wished: that is no failure, nor on its way to Ready. */
export function readiness(facts: Facts): ConditionState | undefined {
  if (facts.stopped && !facts.observed.refused) return undefined;
  for (const check of CHECKS) {
    const answer = check(facts);
    if (answer) return answer;
  }
  return conditionState("Unknown", "Unknown", "nothing is known of the workers yet");
}

function refused({ observed: { refused } }: Facts): ConditionState | undefined {
  return refused && conditionState("False", refused.reason, refused.message);
}

function stopping(facts: Facts): ConditionState | undefined {
  if (facts.desired > 0) return undefined;
  const { reason, message } = wishedStop(facts);
  const rest = facts.remaining > 0 ? `; ${facts.remaining} workers are still stopping` : "";
  return conditionState("False", reason, `${message}${rest}`);
}

/** Old pods may still deliver, but what the user asked for last does not work. */
function generationCannotStart({ current, cause }: Facts): ConditionState | undefined {
  if (!cause?.stalls || current.some((pod) => pod.ready)) return undefined;
  return conditionState("False", cause.reason, cause.message);
}

function noWorkerReady({ ready, cause, desired, observed }: Facts): ConditionState | undefined {
  if (ready.length > 0) return undefined;
  const named = cause ?? observed.failed;
  if (named) return conditionState("False", named.reason, named.message);
  return ownState("False", "WorkersStarting", `none of ${desired} workers is ready yet`);
}

function workersReady(facts: Facts): ConditionState {
  const { ready, desired, cause } = facts;
  const trouble = cause ? `; ${cause.message}` : "";
  return ownState("True", "WorkersReady", `${ready.length} of ${desired} workers are ready${standby(facts)}${trouble}`);
}

/** Workers of an ordered sink beyond its topic-partitions are wanted, perhaps, but do nothing before another ends. */
function standby({ desired, observed, reports }: Facts): string {
  if (!observed.sink.spec.config.retainOrdering) return "";
  const partitions = Math.max(0, ...reports.map(({ source }) => source?.partitions ?? 0));
  if (partitions === 0 || desired <= partitions) return "";
  return `; ${desired - partitions} stand by, as there are ${partitions} topic partitions`;
}
