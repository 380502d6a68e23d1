import { type ScalingReason, scalingReasons } from "../../crds/reasons.ts";
import { measured } from "./capacity.ts";
import type { Evidence } from "./evidence.ts";
import { fewest } from "./fewest.ts";
import type { ScalingPolicy } from "./policy.ts";
import { highest, type Pressure, pressures } from "./pressure.ts";
import type { Pending, ScalingState } from "./state.ts";

export interface Decision {
  readonly state: ScalingState;
  readonly reason: ScalingReason;
  readonly message: string;
  /** What the change was decided by, in words with numbers; undefined where nothing changes. */
  readonly change: string | undefined;
  /** Epoch milliseconds at which to decide again even if nothing is reported; undefined where nothing waits. */
  readonly againAt: number | undefined;
}

/** As the HorizontalPodAutoscaler's: what exceeds its target by less is left. */
const TOLERANCE = 1.1;
/** Below this part of its target a value asks for no worker: between the two nothing changes. */
const CALM = 0.5;
/** A worker that uses more of its memory for messages is not idle. */
const IDLE_PERCENT = 50;
/** What waits is to be within its target so long after it began to get less. */
const CATCH_UP_MS = 10 * 60_000;
/** Workers that are not ready so long after a change are not waited for. */
const START_MS = 5 * 60_000;
const MOST_UP = 2;
/** Reports of each worker that a change waits for at least; a worker that has fallen silent shows after three beats. */
const UP_BEATS = 2;
const DOWN_BEATS = 4;

/** The number of workers from what they report. Pure: what is remembered is in the state. */
export function decide(before: ScalingState, evidence: Evidence, policy: ScalingPolicy): Decision {
  const bounded = Math.min(policy.most, Math.max(policy.least, before.replicas));
  if (bounded !== before.replicas) {
    const why = `minReplicas is ${policy.least}, maxReplicas ${policy.most}`;
    return changed(before, bounded, evidence, "ScaledToBounds", why);
  }
  const found = pressures(evidence, policy, before.replicas);
  const pressure = highest(found);
  const state = { ...before, capacity: measured(before, evidence, pressure > 1) };
  if (found.length === 0) return held(state, undefined, evidence.poison ? "PoisonHeld" : "NoReport");
  return pressure > TOLERANCE ? upwards(state, evidence, policy, found) : downwards(state, evidence, policy, pressure);
}

function upwards(state: ScalingState, evidence: Evidence, policy: ScalingPolicy, found: readonly Pressure[]): Decision {
  const { replicas } = state;
  const { now, obstacle } = evidence;
  if (replicas >= policy.most) return held(state, undefined, "AtMaximum");
  if (isStarting(state, evidence)) return held(state, undefined, "WorkersStarting");
  const { lagSeconds, backlog } = evidence;
  const fresh: Pending = { direction: "Up", since: now, lagSeconds, backlog };
  const known = state.pending?.direction === "Up" ? state.pending : fresh;
  // The clock of another leader may be ahead.
  const pending = { ...known, since: Math.min(known.since, now) };
  const dueAt = pending.since + Math.max(policy.upMs, UP_BEATS * evidence.beatMs);
  if (now < dueAt) return held(state, pending, "ScaleUpPending", dueAt);
  if (obstacle) return { ...held(state, pending, obstacle.reason), message: obstacle.message };
  if (isCatchingUp(pending, now, found)) return held(state, fresh, "CatchingUp");
  const wanted = Math.ceil(replicas * Math.min(MOST_UP, highest(found)));
  return changed(state, Math.min(policy.most, wanted), evidence, "ScaledUp", found.map(({ text }) => text).join(", "));
}

/** Whether all that exceeds its target will be within it in time, at the speed since the change became due. */
function isCatchingUp(pending: Pending & { direction: "Up" }, now: number, found: readonly Pressure[]): boolean {
  return found.every(({ what, value, target }) => {
    if (value <= target * TOLERANCE) return true;
    const fallen = (pending[what] ?? 0) - value;
    return fallen > 0 && ((value - target) / fallen) * (now - pending.since) <= CATCH_UP_MS;
  });
}

function isStarting({ replicas, scaledAt }: ScalingState, { now, ready }: Evidence): boolean {
  return ready < replicas && scaledAt !== undefined && now - scaledAt < START_MS;
}

function downwards(state: ScalingState, evidence: Evidence, policy: ScalingPolicy, pressure: number): Decision {
  const { replicas } = state;
  const { now, ready, reports, obstacle, budgetPercent } = evidence;
  if (replicas <= policy.least) return held(state, undefined, "AtMinimum");
  if (pressure > CALM || budgetPercent > IDLE_PERCENT) return held(state, undefined, "Steady");
  // A worker that does not report may be the one that everything waits for.
  if (reports < replicas || ready < replicas) return held(state, undefined, "ReportsMissing");
  if (obstacle?.reason === "NothingFlows") return held(state, undefined, "NothingFlows");
  const wouldDo = fewest(state, evidence, policy, CALM);
  if (wouldDo >= replicas) return held(state, undefined, "Steady");
  const { pending } = state;
  const known = pending?.direction === "Down" && pending.replicas < replicas ? pending : undefined;
  const since = Math.min(known?.since ?? now, now);
  const enough = Math.max(known?.replicas ?? 0, wouldDo);
  const dueAt = since + Math.max(policy.downMs, DOWN_BEATS * evidence.beatMs);
  if (now < dueAt) return held(state, { direction: "Down", since, replicas: enough }, "ScaleDownPending", dueAt);
  return changed(state, enough, evidence, "ScaledDown", "what waits is far below its target");
}

function held(state: ScalingState, pending: Pending | undefined, reason: ScalingReason, againAt?: number): Decision {
  return { state: { ...state, pending }, reason, message: scalingReasons[reason].meaning, change: undefined, againAt };
}

function changed(
  state: ScalingState,
  replicas: number,
  evidence: Evidence,
  reason: ScalingReason,
  why: string,
): Decision {
  const { now, rate, backlog, lagSeconds, budgetPercent } = evidence;
  const seen = [
    `${Math.round(rate)} messages/s`,
    ...(lagSeconds === undefined ? [] : [`lag ${lagSeconds} s`]),
    ...(backlog === undefined ? [] : [`backlog ${backlog}`]),
    `memory for messages ${budgetPercent} %`,
    ...(state.capacity ? [`${state.capacity.perReplica} messages/s for each worker at most`] : []),
  ];
  return {
    state: { ...state, replicas, scaledAt: now, pending: undefined },
    reason,
    message: scalingReasons[reason].meaning,
    change: `${state.replicas} → ${replicas} workers: ${why}; ${seen.join(", ")}`,
    againAt: undefined,
  };
}
