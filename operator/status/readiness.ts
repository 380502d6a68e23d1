import type { Facts } from "./facts.ts";
import { type Verdict, verdict } from "./verdict.ts";

type Check = (facts: Facts) => Verdict | undefined;

/** The first check that answers says whether data can flow now. */
const CHECKS: readonly Check[] = [refused, paused, scaledToZero, generationCannotStart, noWorkerReady, workersReady];

export function readiness(facts: Facts): Verdict {
  for (const check of CHECKS) {
    const answer = check(facts);
    if (answer) return answer;
  }
  return verdict("Unknown", "Unknown", "nothing is known of the workers yet");
}

function refused({ observed: { refusal } }: Facts): Verdict | undefined {
  return refusal && verdict("False", refusal.reason, refusal.message);
}

function paused({ observed, live }: Facts): Verdict | undefined {
  if (!observed.sink.spec.paused) return undefined;
  const rest = live.length > 0 ? `; ${live.length} workers are still stopping` : "";
  return verdict("False", "Paused", `spec.paused is true: messages wait in Pulsar until it is false${rest}`);
}

function scaledToZero({ desired }: Facts): Verdict | undefined {
  return desired > 0 ? undefined : verdict("False", "ScaledToZero", "spec.replicas is 0: raise it to move messages");
}

/** Old pods may still deliver, but what the user asked for last does not work. */
function generationCannotStart({ current, problem }: Facts): Verdict | undefined {
  if (!problem?.stalls || current.some((pod) => pod.ready)) return undefined;
  return verdict("False", problem.reason, problem.message);
}

function noWorkerReady({ ready, problem, desired, observed }: Facts): Verdict | undefined {
  if (ready.length > 0) return undefined;
  const cause = problem ?? observed.failure;
  if (cause) return verdict("False", cause.reason, cause.message);
  return verdict("False", "WorkersStarting", `none of ${desired} workers is ready yet`);
}

function workersReady({ ready, desired, problem }: Facts): Verdict {
  const trouble = problem ? `; ${problem.message}` : "";
  return verdict("True", "WorkersReady", `${ready.length} of ${desired} workers are ready${trouble}`);
}
