import type { Evidence } from "./evidence.ts";
import type { Capacity, ScalingState } from "./state.ts";

/** The rate that workers report is a mean of 60 s, and they report it a beat later. */
const RATE_MS = 60_000;
/** Messages and streams change: after this a capacity is not believed any more, and fewer workers are tried. */
const BELIEVED_MS = 24 * 3_600_000;
/** A measurement that differs by less is none. */
const NOISE = 0.1;

/** @param busy more waits than a target allows, so that every worker delivers what it can */
export function measured(state: ScalingState, evidence: Evidence, busy: boolean): Capacity | undefined {
  const { now, active, rate } = evidence;
  const known = state.capacity && now - state.capacity.at < BELIEVED_MS ? state.capacity : undefined;
  if (active === 0 || rate === 0) return known;
  const perReplica = Math.max(1, Math.floor(rate / active));
  const differs = known === undefined || Math.abs(perReplica - known.perReplica) > NOISE * known.perReplica;
  if (busy && isMeasurable(state, evidence)) return differs ? { perReplica, at: now } : known;
  // With less to do they delivered more than was thought possible.
  return known && differs && perReplica > known.perReplica ? { perReplica, at: known.at } : known;
}

function isMeasurable({ replicas, scaledAt }: ScalingState, evidence: Evidence): boolean {
  const { now, beatMs, ready, reports, obstacle } = evidence;
  if (obstacle || ready < replicas || reports < replicas) return false;
  return scaledAt === undefined || now - scaledAt > RATE_MS + 2 * beatMs;
}
