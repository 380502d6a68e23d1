/** Rows and their figures as text. */
import type { Figures } from "./measure.ts";
import type { Row } from "./row.ts";

export interface Column {
  readonly head: string;
  text(row: Row, figures: Figures): string;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A printer of one line per row, under one line of heads. */
export function openTable(columns: readonly Column[]): (row: Row, figures: Figures) => void {
  print(columns.map(({ head }) => head).join("  "));
  return (row, figures) => print(columns.map(({ head, text }) => text(row, figures).padStart(head.length)).join("  "));
}

const column = (head: string, text: Column["text"]): Column => ({ head, text });

/** How far along the ascending values that part of them lies below. */
export function percentile(ascending: readonly number[], part: number): number {
  return ascending[Math.floor(ascending.length * part)] ?? Number.NaN;
}

function milliseconds(ascending: readonly number[], part: number): string {
  return ascending.length === 0 ? "" : percentile(ascending, part).toFixed(1);
}

export const COLUMNS = {
  runner: column("source", ({ runner }) => runner),
  pipeline: column(" pipeline", ({ ordered }) => (ordered ? "ordered" : "unordered")),
  aggregation: column("aggr", ({ aggregation }) => (aggregation ? "on" : "off")),
  size: column("  size B", ({ size }) => String(size)),
  batch: column("batch", ({ batch }) => String(batch)),
  keys: column("   keys", ({ keys }) => String(keys)),
  latency: column("latency ms", ({ latencyMs }) => String(latencyMs)),
  pace: column("msg/s/shard", ({ pace, shards }) => ((pace ?? 0) / shards).toFixed(0)),
  linger: column("linger ms", ({ lingerMs }) => String(lingerMs)),
  limits: column("   limits", ({ limits }) => limits),
  format: column("format                           ", ({ format }) => format.padEnd(33)),
  cpu: column(" µs/msg", (_, { cpuPerMessage }) => cpuPerMessage.toFixed(2)),
  rate: column("  msg/s", (_, { messagesPerSecond }) => messagesPerSecond.toFixed(0)),
  sinkCores: column(" sink", (_, { cores }) => cores.sink.toFixed(2)),
  endpointCores: column("endpoint", (_, { cores }) => cores.endpoint.toFixed(2)),
  brokerCores: column("broker", (_, { cores }) => cores.broker.toFixed(2)),
  rss: column("RSS MiB", (_, { rssMiB }) => rssMiB.toFixed(0)),
  perRequest: column("rec/req", (_, { recordsPerRequest }) => recordsPerRequest.toFixed(0)),
  putUnits: column("units/M", (_, { putUnits }) => putUnits.toFixed(0)),
  first: column("first s", (_, { firstSeconds }) => firstSeconds?.toFixed(2) ?? ""),
  window: column("window s", (_, { seconds }) => seconds.toFixed(1)),
  throttled: column("throttled %", (_, { throttled }) => (throttled * 100).toFixed(2)),
  filled: column("filled %", (_, { filled }) => (filled * 100).toFixed(1)),
  p50: column(" p50 ms", (_, { latencies }) => milliseconds(latencies, 0.5)),
  p99: column(" p99 ms", (_, { latencies }) => milliseconds(latencies, 0.99)),
} satisfies Record<string, Column>;

/** What the columns are, for the first bench that prints them. */
export const LEGEND =
  "µs/msg: CPU of the sink's processes, user and system. sink, endpoint, broker: cores in use. units/M: PUT units of " +
  "25 KiB per million messages. first s: from the start to the first record. window s: what was measured, start-up apart";
