/** One row measured: the sink started on it, warmed up, watched for a window, and stopped. */
import { setTimeout as delay } from "node:timers/promises";
import { javaSinkClassPath } from "../java-sink/install.ts";
import { startJavaSink } from "../java-sink/start.ts";
import { startCompiledWorker } from "./compiled-worker.ts";
import { nameOf, type Row, SHARD_BYTES_PER_SECOND, SHARD_RECORDS_PER_SECOND } from "./row.ts";
import type { RunningSink } from "./running-sink.ts";
import { PARTITIONS, STREAM, type Stage } from "./stage.ts";
import { residentMiB, type Usage, usageOf } from "./usage.ts";
import type { EndpointCounts } from "./worker-endpoint.ts";

export interface MeasureOptions {
  /** Of the window, at most; it ends earlier when the backlog does. */
  readonly seconds: number;
  /** Folder for CPU profiles of our worker; null for none. */
  readonly profile: string | null;
  /** Of our worker's Node.js. */
  readonly nodeOptions: readonly string[];
}

export interface Figures {
  /** Of the window. */
  readonly seconds: number;
  readonly messages: number;
  /** CPU of the sink and its children, user and system, microseconds per message. */
  readonly cpuPerMessage: number;
  readonly messagesPerSecond: number;
  /** Cores in use. */
  readonly cores: { readonly sink: number; readonly endpoint: number; readonly broker: number };
  /** The largest of one each second. */
  readonly rssMiB: number;
  readonly recordsPerRequest: number;
  /** PUT units of 25 KiB per million messages. */
  readonly putUnits: number;
  /** From the start of the process to the first record at the endpoint. */
  readonly firstSeconds: number;
  /** Part of the sent records that met the limits of their shard. */
  readonly throttled: number;
  /** Part of all shards' limits that was used: bytes or records, whichever is nearer to its limit. */
  readonly filled: number;
  /** From publishing to arrival at the endpoint, milliseconds, ascending; empty without a pace. */
  readonly latencies: readonly number[];
}

const START_LIMIT_MS = 90_000;
const SAMPLE_EVERY_MS = 1_000;
/** The producer goes on for so long after the window. */
const SLACK_SECONDS = 2;

export async function measure(stage: Stage, row: Row, options: MeasureOptions): Promise<Figures> {
  const { pace, latencyMs, shards, limits, warmUpMs } = row;
  const topic = pace === null ? await stage.backlog(row, options.seconds) : await stage.createTopic();
  await stage.endpoint.ask({ kind: "begin", latencyMs, shards, limits, timed: pace !== null });
  const sink = await startRow(stage, row, topic, options);
  try {
    // An ordered worker waits before its first record: what came meanwhile would be a backlog.
    if (pace !== null) await stage.produce({ ...row, pace: null, batch: 1 }, topic, PARTITIONS);
    const firstAt = await firstRecord(stage);
    const producing =
      pace === null
        ? undefined
        : stage.produce(row, topic, Math.ceil(pace * (warmUpMs / 1000 + options.seconds + SLACK_SECONDS)));
    // It is looked at after the window.
    producing?.catch(() => undefined);
    await delay(warmUpMs, undefined, stage);
    const before = await reading(stage, sink);
    const rssMiB = await watch(stage, sink, options.seconds);
    const after = await reading(stage, sink);
    await producing;
    const firstSeconds = (firstAt - sink.startedAt) / 1000;
    return { ...figures(before, after, shards), rssMiB, firstSeconds };
  } finally {
    await sink.stop();
  }
}

/** Our worker or the Java sink, with a subscription of its own from the beginning of the topic. */
export async function startRow(
  stage: Stage,
  row: Row,
  topic: string,
  options: Omit<MeasureOptions, "seconds">,
): Promise<RunningSink> {
  const { pulsar, endpoint, compiled, signal } = stage;
  const { runner, ordered, aggregation } = row;
  const name = nameOf(row).toLowerCase();
  const subscription = `bench-${Date.now()}`;
  if (runner === "Java") {
    const classPath = await javaSinkClassPath(stage.log, signal);
    return await startJavaSink({
      ...{ name, classPath, folder: compiled.folder, serviceUrl: pulsar.serviceUrl, topic, subscription },
      ...{ endpoint: endpoint.url, stream: STREAM, ordered, aggregation, signal },
    });
  }
  const spec = {
    config: {
      awsKinesisStreamName: STREAM,
      awsEndpoint: endpoint.url,
      skipCertificateValidation: true,
      messageFormat: row.format,
      retainOrdering: ordered,
      aggregationEnabled: aggregation,
    },
    lingerMillis: row.lingerMs,
    pulsar: {
      client: runner,
      serviceUrl: pulsar.serviceUrl,
      adminUrl: pulsar.adminUrl,
      topics: [topic],
      subscription: { name: subscription, initialPosition: "Earliest" },
    },
  };
  return await startCompiledWorker(compiled, name, spec, { ...options, signal });
}

async function firstRecord(stage: Stage): Promise<number> {
  for (const deadline = performance.now() + START_LIMIT_MS; performance.now() < deadline; ) {
    const { firstAt } = await stage.endpoint.ask({ kind: "counts" });
    if (firstAt !== null) return firstAt;
    await delay(50, undefined, stage);
  }
  throw new Error(`no record arrived within ${START_LIMIT_MS / 1000} s`);
}

interface Reading {
  readonly delivered: number;
  readonly sink: Usage;
  readonly endpoint: Usage;
  readonly broker: Usage;
  readonly counts: EndpointCounts;
}

async function reading(stage: Stage, running: RunningSink): Promise<Reading> {
  const [delivered, counts, sink, endpoint, broker] = await Promise.all([
    running.delivered(),
    stage.endpoint.ask({ kind: "counts" }),
    usageOf(running.pid),
    usageOf(stage.endpoint.pid),
    usageOf(stage.pulsar.pid ?? 0),
  ]);
  return { delivered, counts, sink, endpoint, broker };
}

/** Until the time is up or nothing was delivered for a second. Resolves to the largest resident set, MiB. */
async function watch(stage: Stage, running: RunningSink, seconds: number): Promise<number> {
  let rss = await residentMiB(running.pid);
  let delivered = -1;
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    await delay(SAMPLE_EVERY_MS, undefined, stage);
    const now = await running.delivered();
    rss = Math.max(rss, await residentMiB(running.pid));
    if (now === delivered) break;
    delivered = now;
  }
  return rss;
}

function figures(before: Reading, after: Reading, shards: number): Omit<Figures, "rssMiB" | "firstSeconds"> {
  const micros = (after.sink.at - before.sink.at) * 1000;
  const seconds = micros / 1e6;
  const messages = after.delivered - before.delivered;
  if (messages === 0) throw new Error("nothing was delivered in the window: the backlog was over before");
  const spent = (of: "sink" | "endpoint" | "broker") => after[of].cpu - before[of].cpu;
  const counted = (of: "records" | "requests" | "putUnits" | "throttled" | "bytes") =>
    after.counts[of] - before.counts[of];
  const [records, throttled] = [counted("records"), counted("throttled")];
  return {
    seconds,
    messages,
    cpuPerMessage: spent("sink") / messages,
    messagesPerSecond: messages / seconds,
    cores: { sink: spent("sink") / micros, endpoint: spent("endpoint") / micros, broker: spent("broker") / micros },
    recordsPerRequest: records / Math.max(1, counted("requests")),
    putUnits: (counted("putUnits") / messages) * 1e6,
    throttled: throttled / Math.max(1, records + throttled),
    filled: Math.max(counted("bytes") / SHARD_BYTES_PER_SECOND, records / SHARD_RECORDS_PER_SECOND) / seconds / shards,
    latencies: after.counts.latencies.toSorted((a, b) => a - b),
  };
}
