import type { Totals, WorkerStatus } from "../../crds/kinesissink.generated.ts";

/** Why more workers would not move more, or why their reports say nothing about that. */
export interface Obstacle {
  readonly reason: "ShardsLimit" | "NothingFlows";
  readonly message: string;
}

/** Where the lag is taken from. */
export type LagSource = "Backlog" | "Reported";

/** What the workers say, as far as it bears on their number. */
export interface Evidence {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Between two reports of a worker, milliseconds. */
  readonly beatMs: number;
  /** Pods that are ready. */
  readonly ready: number;
  /** Workers whose reports count, and whose rate is one of a whole minute. */
  readonly reports: number;
  /** Of all that report, those that have something to read: others of an ordered sink stand by. */
  readonly active: number;
  /** Undefined where nobody says, or where messages that cannot be delivered make it say nothing. */
  readonly lagSeconds: number | undefined;
  readonly lagSource: LagSource;
  /** Entries; undefined as above. */
  readonly backlog: number | undefined;
  /** Messages per second. */
  readonly rate: number;
  /** Percent of the memory for messages in use by the worker that uses most. */
  readonly budgetPercent: number;
  readonly obstacle: Obstacle | undefined;
  /** Messages that cannot be delivered are set aside, or stop their topic-partition. */
  readonly poison: boolean;
}

export interface Reported {
  readonly now: number;
  readonly beatMs: number;
  readonly ready: number;
  /** Those of the present pods that are not stale. */
  readonly reports: readonly WorkerStatus[];
  /** Of these. */
  readonly totals: Totals;
  readonly ordered: boolean;
}

export function evidence({ now, beatMs, ready, reports, totals, ordered }: Reported): Evidence {
  const poison = reports.some((report) => (report.poison?.count ?? 0) > 0);
  const active = ordered ? reports.filter(({ source }) => (source?.activePartitions ?? 0) > 0).length : reports.length;
  return {
    now,
    beatMs,
    ready,
    reports: reports.filter((report) => isGrown(report, now)).length,
    active,
    // What is stopped or set aside grows old whoever works; ordered, what waits behind it grows too.
    lagSeconds: poison ? undefined : lag(reports),
    lagSource: lagSource(reports),
    backlog: poison && ordered ? undefined : totals.backlog,
    rate: totals.ratePerSecond ?? 0,
    budgetPercent: Math.max(0, ...reports.map((report) => report.budgetPercent ?? 0)),
    obstacle: obstacle(reports),
    poison,
  };
}

/** A worker reports the mean rate of its last minute. */
const RATE_MS = 60_000;

/** One that has just started, as after a rollout, delivers more than its rate says. */
function isGrown({ startedAt }: WorkerStatus, now: number): boolean {
  return startedAt === undefined || now - Date.parse(startedAt) >= RATE_MS;
}

function lag(reports: readonly WorkerStatus[]): number | undefined {
  const lags = reports.flatMap(({ backlogAgeSeconds, lagSeconds }) => backlogAgeSeconds ?? lagSeconds ?? []);
  return lags.length === 0 ? undefined : Math.max(...lags);
}

function lagSource(reports: readonly WorkerStatus[]): LagSource {
  const telling = reports.filter(
    ({ backlogAgeSeconds, lagSeconds }) => (backlogAgeSeconds ?? lagSeconds) !== undefined,
  );
  return telling.length > 0 && telling.every((report) => report.backlogAgeSeconds !== undefined)
    ? "Backlog"
    : "Reported";
}

/** A worker that cannot read or write tells of an outage, not of too few workers. */
function obstacle(reports: readonly WorkerStatus[]): Obstacle | undefined {
  const flowing = reports.filter(({ source, stream }) => source?.connected === true && stream?.writable === true);
  if (flowing.length === 0) {
    return { reason: "NothingFlows", message: "no worker is connected to both Pulsar and the stream" };
  }
  for (const { throttled, slowestShard } of flowing) {
    const shard = throttled?.shard ?? slowestShard;
    if (shard !== undefined) {
      return {
        reason: "ShardsLimit",
        message: `${shard} of the stream takes no more, which more workers would not change: add shards, or spread the keys`,
      };
    }
  }
  return undefined;
}
