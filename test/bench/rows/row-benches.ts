/** The benches that are rows: what of the whole worker is measured. */
import { bothPipelines, nameOf, type Row, type Runner, row } from "../harness/row.ts";
import type { RowBench } from "../harness/row-bench.ts";
import { COLUMNS, LEGEND } from "../harness/table.ts";

const C = COLUMNS;
const LOAD = [C.runner, C.pipeline, C.aggregation, C.size, C.batch, C.latency];
const COST = [C.cpu, C.rate, C.rss, C.putUnits];

type Ours = readonly Exclude<Runner, "Java">[];

/** Each row with each of our sources. */
function withSources(sources: Ours, rows: readonly Row[]): Row[] {
  return sources.flatMap((runner) => rows.map((each) => ({ ...each, runner })));
}

function distinct(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((each) => [nameOf(each), each])).values()];
}

export function workerBench(sources: Ours, all: boolean): RowBench {
  const shapes = [row(), row({ size: 1_000 }), row({ aggregation: false }), row({ batch: 1 })];
  const more = [
    row({ size: 1_000, aggregation: false }),
    row({ batch: 1, aggregation: false }),
    row({ size: 1_000, batch: 1 }),
    row({ latencyMs: 0 }),
    row({ latencyMs: 200 }),
  ];
  return {
    title: `the whole worker: 16 topic-partitions, 64 shards, 10,000 keys of 16 B, TLS, raw payload\n${LEGEND}`,
    columns: [
      ...[...LOAD, C.cpu, C.rate, C.sinkCores, C.endpointCores, C.brokerCores],
      ...[C.rss, C.perRequest, C.putUnits, C.first, C.window],
    ],
    rows: withSources(sources, bothPipelines([...shapes, ...(all ? more : [])])),
  };
}

export function peerBench(): RowBench {
  const shapes = [row(), row({ size: 1_000 })];
  const java = shapes.map(({ size }) => row({ runner: "Java", size }));
  return {
    title: "beside Pulsar's Java sink, without the functions runtime; its memory and CPU with the native producer's",
    columns: [...LOAD, ...COST, C.sinkCores, C.endpointCores, C.brokerCores, C.first, C.window],
    rows: bothPipelines(shapes.flatMap((each, index) => [each, java[index] ?? each])),
    compare: {
      title: "ours / the Java sink's",
      isBase: ({ runner }) => runner === "Java",
      group: ({ ordered, size }) => `${ordered} ${size}`,
    },
  };
}

export function unitsBench(): RowBench {
  const shards = 64;
  const paces = [null, ...[20, 80, 300].map((perShard) => perShard * shards)];
  const loads = paces.map((pace) => [0, 100].map((lingerMs) => row({ pace, lingerMs })));
  return {
    title:
      "PUT units per million messages of 200 B: saturated (pace 0) and at a pace; the Java sink's linger is 100 ms",
    columns: [C.runner, C.pipeline, C.pace, C.linger, C.putUnits, C.cpu, C.rate, C.p50, C.p99, C.window],
    rows: loads.flatMap((ours) => [...bothPipelines(ours), row({ runner: "Java", pace: ours[0]?.pace ?? null })]),
    compare: {
      title: "ours / the Java sink's",
      isBase: ({ runner }) => runner === "Java",
      group: ({ pace }) => String(pace),
    },
  };
}

export function throttledBench(): RowBench {
  const shapes = (["all", "oneSlow"] as const).map((limits) => row({ limits, warmUpMs: 8_000 }));
  return {
    title: "one of 64 shards throttled to a tenth of its limits (oneSlow) beside none (all)",
    columns: [C.runner, C.pipeline, C.limits, C.rate, C.cpu, C.rss, C.throttled, C.window],
    rows: bothPipelines(shapes),
    compare: {
      title: "with the slow shard / without",
      isBase: ({ limits }) => limits === "all",
      group: ({ ordered }) => String(ordered),
    },
  };
}

export function limitsBench(): RowBench {
  const limited = { shards: 4, limits: "all", warmUpMs: 10_000 } as const;
  const shapes = [row(limited), row({ ...limited, aggregation: false }), row({ ...limited, size: 1_000 })];
  return {
    title: "4 shards that enforce 1 MiB/s and 1,000 records/s (a bucket of one second), kept full",
    columns: [...LOAD, C.filled, C.throttled, C.rate, C.rss, C.window],
    rows: [...bothPipelines(shapes), row({ ...limited, runner: "Java" })],
  };
}

export function sweepBench(): RowBench {
  const sizes: readonly (readonly [size: number, batch: number])[] = [
    [10, 1_000],
    [200, 1_000],
    [1_000, 1_000],
    [10_000, 100],
    [100_000, 10],
    [1_048_576, 1],
  ];
  const rows = [
    ...[1, 100, 10_000, 1_000_000].map((keys) => row({ keys })),
    ...sizes.map(([size, batch]) => row({ size, batch })),
    ...[0, 20, 200].map((latencyMs) => row({ latencyMs })),
    ...["FULL_MESSAGE_IN_JSON", "FULL_MESSAGE_IN_FB", "FULL_MESSAGE_IN_JSON_EXPAND_VALUE"].map((format) =>
      row({ format }),
    ),
  ];
  return {
    title: "the whole worker against the number of keys, the size of messages, the endpoint's latency, the format",
    columns: [C.pipeline, C.keys, C.size, C.batch, C.latency, ...COST, C.perRequest, C.window, C.format],
    rows: distinct(bothPipelines(rows)),
  };
}
