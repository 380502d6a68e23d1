import type { Evidence } from "./evidence.ts";
import type { ScalingPolicy } from "./policy.ts";
import type { ScalingState } from "./state.ts";

/** Of what a worker can deliver: the rest is for what comes in bursts, and for catching up. */
const LOAD = 0.8;
/** The largest step down, as parts of the present number that remain: of a known and of an unknown capacity. */
const KNOWN_STEP = 0.5;
const UNKNOWN_STEP = 0.75;

/**
 * The fewest workers that would do now. As long as nobody knows what one can deliver, a step is small: should it be too large,
 * that is measured, and not tried again.
 * @param calm part of the target that what waits may take then
 */
export function fewest(
  { replicas, capacity }: ScalingState,
  { rate, backlog }: Evidence,
  { least, targetBacklog }: ScalingPolicy,
  calm: number,
): number {
  const byRate = capacity
    ? Math.max(Math.ceil(rate / (capacity.perReplica * LOAD)), Math.ceil(replicas * KNOWN_STEP))
    : Math.min(replicas - 1, Math.ceil(replicas * UNKNOWN_STEP));
  const byBacklog =
    targetBacklog === undefined || backlog === undefined ? 0 : Math.ceil(backlog / (calm * targetBacklog));
  return Math.max(least, byRate, byBacklog);
}
