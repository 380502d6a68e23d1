/** What is measured, as data: which sink, on which load, against which endpoint. */

export type Runner = "Wire" | "Native" | "Java";

export interface Row {
  /** Our worker with one of its sources, or Pulsar's Java sink. */
  readonly runner: Runner;
  readonly ordered: boolean;
  readonly aggregation: boolean;
  /** `messageFormat`. */
  readonly format: string;
  /** Bytes of a message. */
  readonly size: number;
  /** Messages of an entry. */
  readonly batch: number;
  /** Distinct keys of the topic, about. */
  readonly keys: number;
  /** Messages a second published while the sink runs; null for a backlog that is there from the start. */
  readonly pace: number | null;
  /** `lingerMillis`. */
  readonly lingerMs: number;
  /** Of the endpoint, milliseconds. */
  readonly latencyMs: number;
  readonly shards: number;
  readonly limits: ShardLimits;
  /** After the first record: what was compiled and filled by then is not what a minute later costs. */
  readonly warmUpMs: number;
}

/** Whether the endpoint enforces 1 MiB/s and 1,000 records/s per shard; `oneSlow`: and a tenth of it for one shard. */
export type ShardLimits = "none" | "all" | "oneSlow";

/** Per shard and second (Kinesis quotas). */
export const SHARD_BYTES_PER_SECOND = 1_048_576;
export const SHARD_RECORDS_PER_SECOND = 1_000;

const WARM_UP_MS = 2_500;
/** A JVM compiles what is hot for longer. */
const JAVA_WARM_UP_MS = 8_000;

/** The load that everything is compared on, changed where a row says so. */
export function row(change: Partial<Row> = {}): Row {
  return {
    ...{ runner: "Wire", ordered: false, aggregation: true, format: "ONLY_RAW_PAYLOAD" },
    ...{ size: 200, batch: 1_000, keys: 10_000, pace: null, lingerMs: 0 },
    ...{ latencyMs: 20, shards: 64, limits: "none" },
    warmUpMs: change.runner === "Java" ? JAVA_WARM_UP_MS : WARM_UP_MS,
    ...change,
  };
}

/** Both pipelines of each row. */
export function bothPipelines(rows: readonly Row[]): Row[] {
  return rows.flatMap((each) => [false, true].map((ordered) => ({ ...each, ordered })));
}

/** Such as `Wire-unordered-aggregated-200-1000-20`, and what else is unusual about it. */
export function nameOf(each: Row): string {
  const usual = row({ runner: each.runner });
  return [
    each.runner,
    each.ordered ? "ordered" : "unordered",
    each.aggregation ? "aggregated" : "single",
    each.size,
    each.batch,
    each.latencyMs,
    ...(each.keys === usual.keys ? [] : [`keys${each.keys}`]),
    ...(each.pace === null ? [] : [`pace${each.pace}`]),
    ...(each.lingerMs === usual.lingerMs ? [] : [`linger${each.lingerMs}`]),
    ...(each.shards === usual.shards ? [] : [`shards${each.shards}`]),
    ...(each.limits === usual.limits ? [] : [each.limits]),
    ...(each.format === usual.format ? [] : [each.format]),
  ].join("-");
}

/** Messages a second that a backlog is prepared for; a faster sink has a shorter window. */
export function expectedRate({ runner, size, batch, limits, shards }: Row): number {
  const most = runner === "Java" ? 70_000 : 450_000;
  const bySize = size > 1_000 ? 150_000_000 / size : Math.min(most, 90_000_000 / (size + 50));
  const byBatch = batch === 1 && size <= 1_000 ? Math.min(most, 45_000) : bySize;
  return limits === "none" ? byBatch : Math.min(byBatch, (shards * SHARD_BYTES_PER_SECOND) / size);
}
