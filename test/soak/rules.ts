/** What a soak must show, as functions of what was seen. */
import type { GuaranteeResult, Numbered } from "../load/guarantee.ts";

export interface Sample {
  /** Seconds since the beginning. */
  readonly at: number;
  /** Messages produced, and read from each stream, so far. */
  readonly produced: number;
  readonly read: readonly number[];
  readonly workers: readonly WorkerSample[];
}

export interface WorkerSample {
  readonly name: string;
  /** Of its process, seconds: a worker that was killed begins anew. */
  readonly age: number;
  readonly pid: number;
  readonly rssMiB: number;
}

export interface Played {
  readonly kind: string;
  readonly what: string;
  /** Seconds since the beginning; until it was healed, which may take longer than planned. */
  readonly from: number;
  readonly to: number;
}

const SETTLED_AFTER_S = 300;
const WINDOW_S = 300;
const LEAST_AGE_S = 600;
/** Of the last window to the first. */
const MOST_GROWTH = 1.05;
/** Seconds outside of faults. */
export const MOST_STALLED_S = 60;

export interface Growth {
  readonly name: string;
  readonly pid: number;
  readonly firstMiB: number;
  readonly lastMiB: number;
  readonly ok: boolean;
}

/** Of each process that is older than 10 minutes: the median of minutes 5 to 10 of its life, and of its last 5 minutes. */
export function growthOf(samples: readonly Sample[]): readonly Growth[] {
  const byPid = new Map<number, WorkerSample[]>();
  for (const { workers } of samples) {
    for (const worker of workers) byPid.set(worker.pid, [...(byPid.get(worker.pid) ?? []), worker]);
  }
  return [...byPid.entries()].flatMap(([pid, list]) => {
    const age = list.at(-1)?.age ?? 0;
    if (age <= LEAST_AGE_S) return [];
    const within = (from: number, to: number): number[] =>
      list.filter((each) => each.age >= from && each.age <= to).map(({ rssMiB }) => rssMiB);
    const firstMiB = median(within(SETTLED_AFTER_S, SETTLED_AFTER_S + WINDOW_S));
    const lastMiB = median(within(age - WINDOW_S, age));
    return [{ name: list[0]?.name ?? "", pid, firstMiB, lastMiB, ok: lastMiB <= MOST_GROWTH * firstMiB }];
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Watches topic-partitions for progress; the time of faults does not count. */
export class Stalls {
  readonly #since = new Map<string, number>();
  /** The longest of each so far. */
  readonly longest = new Map<string, number>();

  /** @param seconds since the last call, outside of faults */
  look(name: string, behind: boolean, moved: boolean, seconds: number): void {
    const stalled = behind && !moved ? (this.#since.get(name) ?? 0) + seconds : 0;
    this.#since.set(name, stalled);
    this.longest.set(name, Math.max(this.longest.get(name) ?? 0, stalled));
  }
}

export interface SoakResult {
  readonly pipelines: readonly PipelineResult[];
  readonly growth: readonly Growth[];
  readonly problems: readonly string[];
}

export interface PipelineResult {
  readonly mode: string;
  readonly produced: number;
  readonly duplicates: number;
  readonly missing: number;
  readonly unknown: number;
  readonly inversions: number;
  /** Requests that the endpoint executed when nobody waited for them any more, and sequences that they concern. */
  readonly lateRequests: number;
  readonly lateSequences: number;
  readonly lateInversions: number;
  /** Seconds outside of faults. */
  readonly longestStall: number;
  readonly explanation: string;
}

/** @param isLate of a sequence with late executions, which may be out of order, and miss nothing all the same */
export function pipelineResult(
  mode: string,
  result: GuaranteeResult,
  isLate: (message: Numbered) => boolean,
  facts: Pick<PipelineResult, "produced" | "lateRequests" | "lateSequences" | "longestStall">,
): PipelineResult {
  const late = result.inversions.filter(isLate).length;
  return {
    ...facts,
    mode,
    duplicates: result.duplicates,
    missing: result.missing.length,
    unknown: result.unknown.length,
    inversions: result.inversions.length - late,
    lateInversions: late,
    explanation: result.explain(),
  };
}

export function problemsOf(pipelines: readonly PipelineResult[], growth: readonly Growth[]): readonly string[] {
  return [
    ...pipelines.flatMap(({ mode, missing, unknown, inversions, longestStall, explanation }) => [
      ...(missing + unknown + inversions > 0 ? [`${mode}: the guarantee is broken\n${explanation}`] : []),
      ...(longestStall > MOST_STALLED_S
        ? [`${mode}: a topic-partition made no progress for ${longestStall.toFixed(0)} s outside of faults`]
        : []),
    ]),
    ...growth
      .filter(({ ok }) => !ok)
      .map(({ name, firstMiB, lastMiB }) => `${name} grew from ${firstMiB.toFixed(0)} to ${lastMiB.toFixed(0)} MiB`),
  ];
}
