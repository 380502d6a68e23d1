/** A sink that waits, and then gets ten messages a second: memory, CPU, readiness and latency. */
import { setTimeout as delay } from "node:timers/promises";
import { type MeasureOptions, startRow } from "../harness/measure.ts";
import { bothPipelines, nameOf, type Row, type Runner, row } from "../harness/row.ts";
import type { Stage } from "../harness/stage.ts";
import { percentile, print } from "../harness/table.ts";
import { residentMiB, usageOf } from "../harness/usage.ts";

const PACE = 10;
/** Longer than the pause after an ordered worker took over a topic-partition. */
const IDLE_MS = 8_000;
const SAMPLE_EVERY_MS = 1_000;
/** The first messages pay for what is compiled and connected then. */
const WARM_UP_MS = 2_000;

export async function benchIdle(
  stage: Stage,
  runners: readonly Runner[],
  only: string,
  options: MeasureOptions,
): Promise<boolean> {
  print(`idle, then ${PACE} messages a second of 200 B; latency from publishing to arrival at an endpoint without any`);
  print("source   pipeline  idle RSS MiB  idle CPU %  start CPU s  ready s   p50 ms   p99 ms");
  const rows = runners.flatMap((runner) => bothPipelines([row({ runner, pace: PACE, latencyMs: 0 })]));
  for (const each of rows) {
    if (`idle ${nameOf(each)}`.includes(only)) print(await measureIdle(stage, each, options));
  }
  return true;
}

async function measureIdle(stage: Stage, each: Row, options: MeasureOptions): Promise<string> {
  const topic = await stage.createTopic();
  const { latencyMs, shards, limits } = each;
  await stage.endpoint.ask({ kind: "begin", latencyMs, shards, limits, timed: true });
  const sink = await startRow(stage, each, topic, options);
  try {
    while (!(await sink.ready())) await delay(20, undefined, stage);
    const readyAfter = (Date.now() - sink.startedAt) / 1000;
    const started = await usageOf(sink.pid);
    let rss = 0;
    for (let waited = 0; waited < IDLE_MS; waited += SAMPLE_EVERY_MS) {
      await delay(SAMPLE_EVERY_MS, undefined, stage);
      rss = Math.max(rss, await residentMiB(sink.pid));
    }
    const idle = await usageOf(sink.pid);
    const producing = stage.produce(each, topic, (WARM_UP_MS / 1000 + options.seconds) * PACE);
    producing.catch(() => undefined);
    await delay(WARM_UP_MS, undefined, stage);
    await stage.endpoint.ask({ kind: "counts" });
    await producing;
    await delay(500, undefined, stage);
    const { latencies } = await stage.endpoint.ask({ kind: "counts" });
    const sorted = latencies.toSorted((a, b) => a - b);
    return [
      ...[each.runner.padStart(6), (each.ordered ? "ordered" : "unordered").padStart(9), rss.toFixed(0).padStart(12)],
      ((idle.cpu - started.cpu) / (idle.at - started.at) / 10).toFixed(1).padStart(10),
      (started.cpu / 1e6).toFixed(2).padStart(11),
      readyAfter.toFixed(2).padStart(7),
      ...[0.5, 0.99].map((part) => percentile(sorted, part).toFixed(1).padStart(7)),
    ].join("  ");
  } finally {
    await sink.stop();
  }
}
