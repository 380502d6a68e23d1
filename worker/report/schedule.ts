import { beatMs } from "../../runtime/kube/beat.ts";

/**
 * When a worker reports. Every report costs the API server in proportion to the number of workers N, so beats get rarer
 * with N², and changes are spread over a delay that grows with N.
 */

/** Milliseconds until the next report when nothing changes: the beat ± 20 %. `random` is in [0, 1). */
export function beatDelay(replicas: number, random: number): number {
  return beatMs(replicas) * (0.8 + 0.4 * random);
}

/** Milliseconds until a change is reported: up to N × 0.5 s, and at least 5 s after the last report. */
export function changeDelay(replicas: number, random: number, sinceLastReport: number): number {
  return Math.max(replicas * 500 * random, 5000 - sinceLastReport);
}
