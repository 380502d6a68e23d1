import type { Evidence } from "./evidence.ts";
import type { ScalingPolicy } from "./policy.ts";

/** One target, and what there is of it now. */
export interface Pressure {
  readonly what: "lagSeconds" | "backlog";
  readonly value: number;
  /** What the value should not exceed, with the present number of workers. */
  readonly target: number;
  /** For people. */
  readonly text: string;
}

/** What can be compared with its target now. */
export function pressures(evidence: Evidence, policy: ScalingPolicy, replicas: number): Pressure[] {
  const { lagSeconds, backlog } = evidence;
  const { targetLagSeconds, targetBacklog } = policy;
  const all: Pressure[] = [];
  if (targetLagSeconds !== undefined && lagSeconds !== undefined) {
    const text = `lag ${lagSeconds} s of targetLagSeconds ${targetLagSeconds}`;
    all.push({ what: "lagSeconds", value: lagSeconds, target: targetLagSeconds, text });
  }
  if (targetBacklog !== undefined && backlog !== undefined) {
    const text = `backlog ${backlog} of targetBacklogMessages ${targetBacklog} × ${replicas}`;
    all.push({ what: "backlog", value: backlog, target: targetBacklog * replicas, text });
  }
  return all;
}

/** 1: a target is just met. */
export function highest(all: readonly Pressure[]): number {
  return Math.max(0, ...all.map(({ value, target }) => value / target));
}
