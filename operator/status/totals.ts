import type { Totals, WorkerStatus } from "../../crds/kinesissink.generated.ts";

type Gauge = "ratePerSecond" | "bytesPerSecond" | "delivered" | "inFlight" | "deadLettered";

const SUMS: readonly Gauge[] = ["ratePerSecond", "bytesPerSecond", "delivered", "inFlight", "deadLettered"];

/**
 * What the present workers report, together. The backlog of an ordered sink is the sum over its workers, each of which counts
 * its active partitions; workers of an unordered one all see the same, so it is the largest. Absent when nobody reports it.
 */
export function totals(workers: readonly WorkerStatus[], ordered: boolean): Totals {
  const result: Totals = {};
  for (const gauge of SUMS) result[gauge] = total(workers.map((worker) => worker[gauge] ?? 0));
  const backlogs = workers.flatMap(({ backlog }) => backlog ?? []);
  if (backlogs.length > 0) result.backlog = ordered ? total(backlogs) : bounded(Math.max(...backlogs));
  const lags = workers.flatMap(({ lagSeconds }) => lagSeconds ?? []);
  if (lags.length > 0) result.lagSeconds = bounded(Math.max(...lags));
  const ages = workers.flatMap(({ backlogAgeSeconds }) => backlogAgeSeconds ?? []);
  if (ages.length > 0) result.backlogAgeSeconds = bounded(Math.max(...ages));
  return result;
}

function total(numbers: readonly number[]): number {
  return bounded(numbers.reduce((sum, number) => sum + number, 0));
}

/** What the definition takes: one worker's absurd number must not keep the whole status from being written. */
function bounded(number: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, number));
}
