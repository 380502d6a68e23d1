import type { Evidence } from "../../../operator/scaling/evidence.ts";
import type { ScalingPolicy } from "../../../operator/scaling/policy.ts";
import type { ScalingState } from "../../../operator/scaling/state.ts";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

export const POLICY: ScalingPolicy = {
  least: 1,
  most: 20,
  targetLagSeconds: 60,
  targetBacklog: undefined,
  upMs: MINUTE,
  downMs: 5 * MINUTE,
};

export function stateOf(replicas: number, more: Partial<ScalingState> = {}): ScalingState {
  return { replicas, scaledAt: undefined, pending: undefined, capacity: undefined, ...more };
}

/** What so many workers report that all is well. */
export function seen(workers: number, more: Partial<Evidence> = {}): Evidence {
  return {
    now: 100 * MINUTE,
    beatMs: 10 * SECOND,
    ready: workers,
    reports: workers,
    active: workers,
    lagSeconds: 1,
    lagSource: "Backlog",
    backlog: undefined,
    rate: 100 * workers,
    budgetPercent: 5,
    obstacle: undefined,
    poison: false,
    ...more,
  };
}
