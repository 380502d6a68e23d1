/** What the whole worker costs: CPU, memory and PUT units per message, time to the first record, latency when idle. */

import { setTimeout as delay } from "node:timers/promises";
import type { EndpointCounts } from "./worker-endpoint.ts";
import {
  type RunningWorker,
  residentMiB,
  startWorker,
  type Usage,
  usageOf,
  type WorkerOptions,
} from "./worker-process.ts";
import { KEYS, openStage, PARTITIONS, SHARDS, type Stage } from "./worker-stage.ts";

export interface WorkerBenchOptions extends WorkerOptions {
  /** Of each measured window, at most; a window ends earlier when the backlog does. */
  readonly seconds: number;
  /** Every combination, instead of the ones that matter most. */
  readonly all: boolean;
  /** Measures only the rows whose name holds this. */
  readonly only: string;
  readonly nativeInstalled: boolean;
  readonly log: (line: string) => void;
}

interface Load {
  readonly client: "Wire" | "Native";
  readonly ordered: boolean;
  readonly aggregation: boolean;
  readonly size: number;
  readonly batch: number;
  /** Of the endpoint, milliseconds. */
  readonly latencyMs: number;
}

const START_LIMIT_MS = 60_000;
/** After the first record: what was compiled and filled by then is not what a minute later costs. */
const WARM_UP_MS = 2_500;
const SAMPLE_EVERY_MS = 1_000;
const PACE = 10;
/** Longer than the pause after an ordered worker took over a topic-partition. */
const IDLE_MS = 8_000;
/** Messages a second that a backlog is prepared for; a faster worker has a shorter window. */
const EXPECTED: Readonly<Record<string, number>> = { "200/1000": 70_000, "1000/1000": 35_000, "200/1": 12_000 };

const HEAD =
  "source  pipeline   aggr  size    batch  latency   µs/msg    msg/s  worker  endpoint  broker   RSS MiB  rec/req  units/M  first s";

export async function benchWorker(options: WorkerBenchOptions): Promise<void> {
  const stage = await openStage(options.log);
  const topics = new Map<string, Promise<string>>();
  try {
    print(`whole worker: ${PARTITIONS} topic-partitions, ${SHARDS} shards, ${KEYS} keys of 16 B, TLS, raw payload`);
    print(
      "µs/msg: CPU of the worker, user and system. worker, endpoint, broker: cores in use. units: PUT units of 25 KiB",
    );
    await warmUp(stage);
    print(HEAD);
    for (const load of loads(options)) {
      if (!nameOf(load).includes(options.only)) continue;
      const topic = await backlog(stage, topics, load, options.seconds);
      print(await measureLoad(stage, load, topic, options));
    }
    print("");
    print(
      `idle, then ${PACE} messages a second of 200 B, one each; latency from publishing to arrival at the endpoint`,
    );
    print("source  pipeline   idle RSS MiB  idle CPU %  start CPU s   ready s   p50 ms   p99 ms");
    for (const client of clients(options)) {
      for (const ordered of [false, true]) {
        if (!`idle ${ordered ? "ordered" : "unordered"}`.includes(options.only)) continue;
        print(await measureIdle(stage, client, ordered, options));
      }
    }
  } finally {
    await stage.close();
  }
}

/** The first worker finds a broker whose code is not compiled: it waits several times as long as the next one. */
async function warmUp(stage: Stage): Promise<void> {
  const topic = await stage.createTopic("bench-warm-up");
  await stage.produce({ topic, size: 200, batch: 100, messages: 50_000, pace: null });
  const worker = await startWorker(stage.compiled, "warm-up", stage.spec(topic, {}, "Wire"), {
    profile: null,
    nodeOptions: [],
  });
  await firstRecord(stage);
  await worker.stop();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function clients(options: WorkerBenchOptions): ("Wire" | "Native")[] {
  return options.nativeInstalled ? ["Wire", "Native"] : ["Wire"];
}

function loads({ all, ...options }: WorkerBenchOptions): Load[] {
  const base = { aggregation: true, size: 200, batch: 1_000, latencyMs: 20 };
  const shapes = [
    base,
    { ...base, size: 1_000 },
    { ...base, aggregation: false },
    { ...base, batch: 1 },
    ...(all
      ? [
          { ...base, size: 1_000, aggregation: false },
          { ...base, latencyMs: 0 },
          { ...base, latencyMs: 200 },
        ]
      : []),
  ];
  return clients({ all, ...options }).flatMap((client) =>
    shapes.flatMap((shape) => [false, true].map((ordered) => ({ client, ordered, ...shape }))),
  );
}

function nameOf({ client, ordered, aggregation, size, batch, latencyMs }: Load): string {
  const pipeline = ordered ? "ordered" : "unordered";
  return `${client}-${pipeline}-${aggregation ? "aggregated" : "single"}-${size}-${batch}-${latencyMs}`;
}

/** A topic full of messages of that shape; runs read it with subscriptions of their own. */
function backlog(stage: Stage, topics: Map<string, Promise<string>>, load: Load, seconds: number): Promise<string> {
  const { size, batch } = load;
  const shape = `${size}/${batch}`;
  const made = async (): Promise<string> => {
    const topic = await stage.createTopic(`bench-${size}-${batch}`);
    const messages = (EXPECTED[shape] ?? 10_000) * (seconds + WARM_UP_MS / 1000);
    await stage.produce({ topic, size, batch, messages, pace: null });
    return topic;
  };
  const topic = topics.get(shape) ?? made();
  topics.set(shape, topic);
  return topic;
}

async function measureLoad(stage: Stage, load: Load, topic: string, options: WorkerBenchOptions): Promise<string> {
  const { client, ordered, latencyMs } = load;
  const spec = stage.spec(topic, { retainOrdering: ordered, aggregationEnabled: load.aggregation }, client);
  await stage.endpoint.ask({ kind: "begin", latencyMs, timed: false });
  const worker = await startWorker(stage.compiled, nameOf(load).toLowerCase(), spec, options);
  try {
    const firstAt = await firstRecord(stage);
    await delay(WARM_UP_MS);
    const before = await reading(stage, worker);
    const rss = await watch(worker, options.seconds);
    const after = await reading(stage, worker);
    const messages = after.delivered - before.delivered;
    const spent = (of: "worker" | "endpoint" | "broker") => after[of].cpu - before[of].cpu;
    const counted = (of: "records" | "requests" | "putUnits") => after.counts[of] - before.counts[of];
    const micros = after.worker.at * 1000 - before.worker.at * 1000;
    const columns = [
      ...[client.padEnd(6), (ordered ? "ordered" : "unordered").padEnd(9), (load.aggregation ? "on" : "off").padEnd(4)],
      ...[`${load.size} B`.padEnd(6), String(load.batch).padStart(5), `${latencyMs} ms`.padStart(7)],
      (spent("worker") / messages).toFixed(2).padStart(7),
      Math.round((messages * 1e6) / micros)
        .toString()
        .padStart(7),
      (spent("worker") / micros).toFixed(2).padStart(6),
      (spent("endpoint") / micros).toFixed(2).padStart(8),
      (spent("broker") / micros).toFixed(2).padStart(6),
      rss.toFixed(0).padStart(8),
      (counted("records") / Math.max(1, counted("requests"))).toFixed(0).padStart(7),
      ((counted("putUnits") / messages) * 1e6).toFixed(0).padStart(7),
      ((firstAt - worker.startedAt) / 1000).toFixed(2).padStart(7),
    ];
    return columns.join("  ");
  } finally {
    await worker.stop();
  }
}

interface Reading {
  readonly delivered: number;
  readonly worker: Usage;
  readonly endpoint: Usage;
  readonly broker: Usage;
  readonly counts: EndpointCounts;
}

async function reading(stage: Stage, running: RunningWorker): Promise<Reading> {
  const [metrics, counts, worker, endpoint, broker] = await Promise.all([
    running.metrics(),
    stage.endpoint.ask({ kind: "counts" }),
    usageOf(running.pid),
    usageOf(stage.endpoint.pid),
    usageOf(stage.brokerPid),
  ]);
  return { delivered: metrics.get("messages_delivered_total") ?? 0, counts, worker, endpoint, broker };
}

/** Until the time is up or nothing was delivered for a second. Resolves to the largest resident set, MiB. */
async function watch(worker: RunningWorker, seconds: number): Promise<number> {
  let rss = await residentMiB(worker.pid);
  let delivered = -1;
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    await delay(SAMPLE_EVERY_MS);
    const now = (await worker.metrics()).get("messages_delivered_total") ?? 0;
    rss = Math.max(rss, await residentMiB(worker.pid));
    if (now === delivered) break;
    delivered = now;
  }
  return rss;
}

async function firstRecord(stage: Stage): Promise<number> {
  for (const deadline = performance.now() + START_LIMIT_MS; performance.now() < deadline; await delay(50)) {
    const { firstAt } = await stage.endpoint.ask({ kind: "counts" });
    if (firstAt !== null) return firstAt;
  }
  throw new Error(`no record arrived within ${START_LIMIT_MS / 1000} s`);
}

async function measureIdle(
  stage: Stage,
  client: "Wire" | "Native",
  ordered: boolean,
  options: WorkerBenchOptions,
): Promise<string> {
  const name = `idle-${client.toLowerCase()}-${ordered ? "ordered" : "unordered"}`;
  const topic = await stage.createTopic(`bench-${name}`);
  await stage.endpoint.ask({ kind: "begin", latencyMs: 0, timed: true });
  const worker = await startWorker(
    stage.compiled,
    name,
    stage.spec(topic, { retainOrdering: ordered }, client),
    options,
  );
  try {
    while (!(await worker.ready())) await delay(20);
    const readyAfter = (Date.now() - worker.startedAt) / 1000;
    const started = await usageOf(worker.pid);
    await delay(IDLE_MS);
    const idle = await usageOf(worker.pid);
    const rss = await residentMiB(worker.pid);
    await stage.produce({ topic, size: 200, batch: 1, messages: options.seconds * PACE, pace: PACE });
    await delay(500);
    const { latencies } = await stage.endpoint.ask({ kind: "counts" });
    // The first messages pay for what is compiled and connected then.
    const sorted = latencies.slice(PACE).sort((a, b) => a - b);
    const at = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? Number.NaN).toFixed(1);
    const columns = [
      ...[client.padEnd(6), (ordered ? "ordered" : "unordered").padEnd(9), rss.toFixed(0).padStart(12)],
      ((idle.cpu - started.cpu) / (idle.at - started.at) / 10).toFixed(1).padStart(10),
      (started.cpu / 1e6).toFixed(2).padStart(11),
      readyAfter.toFixed(2).padStart(8),
      at(0.5).padStart(7),
      at(0.99).padStart(7),
    ];
    return columns.join("  ");
  } finally {
    await worker.stop();
  }
}
