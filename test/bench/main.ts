/**
 * Measures speed, cost and memory, and prints a table for each bench. `--help` lists the benches and how long they take.
 *
 *     scripts/node test/bench/main.ts [BENCH]... [--seconds N] [--only TEXT] [--all] [--profile FOLDER]
 *         [--node-options=OPTIONS]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { interruption } from "../interruption.ts";
import { type MeasureOptions, measure } from "./harness/measure.ts";
import { type Runner, row } from "./harness/row.ts";
import { type RowBench, runRows } from "./harness/row-bench.ts";
import { openStage, type Stage } from "./harness/stage.ts";
import { print } from "./harness/table.ts";
import { benchIdle } from "./rows/idle.ts";
import { limitsBench, peerBench, sweepBench, throttledBench, unitsBench, workerBench } from "./rows/row-benches.ts";

interface Context {
  readonly sources: readonly Exclude<Runner, "Java">[];
  readonly all: boolean;
  readonly only: string;
  readonly options: MeasureOptions;
  readonly signal: AbortSignal;
  /** Opened when the first bench asks for it. */
  stage(): Promise<Stage>;
}

interface Bench {
  readonly about: string;
  /** At most, as it runs without `--seconds` and `--all`, on two cores. */
  readonly minutes: number;
  /** Of each row's window. */
  readonly seconds: number;
  /** False when a row failed. */
  run(context: Context): Promise<boolean>;
}

const PROGRAM_LIMIT_MS = 600_000;
/** As last measured, on two cores: less than the sum of the benches, which are rounded up. */
const ALL_MINUTES = 32;

const BENCHES: Readonly<Record<string, Bench>> = {
  worker: ofRows("the whole worker: CPU, memory, PUT units", 4, 10, ({ sources, all }) => workerBench(sources, all)),
  peer: ofRows("the worker beside Pulsar's Java sink", 4, 15, peerBench),
  units: ofRows("PUT units, saturated and at a pace, beside the Java sink", 9, 10, unitsBench),
  idle: {
    about: "idle: memory, CPU, readiness, latency at ten messages a second",
    ...{ minutes: 3, seconds: 20 },
    run: async ({ stage, sources, only, options }) =>
      await benchIdle(await stage(), [...sources, "Java"], only, options),
  },
  throttled: ofRows("throughput while one of 64 shards is throttled", 2, 15, throttledBench),
  limits: ofRows("shards that enforce their limits: filled, throttled", 3, 10, limitsBench),
  sweep: ofRows("against keys, sizes, latency, formats", 6, 5, sweepBench),
  faults: ofProgram("duplicates and recovery after each fault", 6, "faults"),
  consume: ofProgram("the source alone", 3, "consume", "--messages", "300000"),
  pipeline: ofProgram("the pipelines alone", 1, "pipeline", "300000"),
  "put-records": ofProgram("PutRecords alone", 1, "put-records", "2"),
  aggregate: ofProgram("building aggregates alone", 1, "aggregate"),
  formats: ofProgram("formats and schemas alone, 10 B to 1 MiB", 1, "formats"),
};

function ofRows(about: string, minutes: number, seconds: number, bench: (context: Context) => RowBench): Bench {
  const run: Bench["run"] = async (context) =>
    await runRows(await context.stage(), bench(context), context.only, context.options);
  return { about, minutes, seconds, run };
}

/** A program of its own, with arguments that keep it short. */
function ofProgram(about: string, minutes: number, file: string, ...args: readonly string[]): Bench {
  const run: Bench["run"] = async ({ signal }) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "programs", `${file}.ts`), ...args], {
      stdio: "inherit",
    });
    const ending = AbortSignal.any([signal, AbortSignal.timeout(PROGRAM_LIMIT_MS)]);
    ending.addEventListener("abort", () => child.kill("SIGTERM"));
    const [code] = (await once(child, "exit")) as [number | null];
    signal.throwIfAborted();
    return code === 0;
  };
  return { about, minutes, seconds: 0, run };
}

function usage(): string {
  const lines = Object.entries(BENCHES).map(
    ([name, { about, minutes, seconds }]) =>
      `  ${name.padEnd(12)} ${about}; up to ${minutes} min${seconds === 0 ? "" : `, windows of ${seconds} s`}`,
  );
  return [
    `scripts/node test/bench/main.ts [BENCH]... [OPTIONS]; without a name all of them, ${ALL_MINUTES} minutes:`,
    ...lines,
    "  --seconds N          the window of each row, instead of the bench's own",
    "  --only TEXT          the rows whose name holds it, such as unordered-aggregated-200-1000",
    "  --all                more rows of worker",
    "  --profile FOLDER     keeps a CPU profile of each worker",
    "  --node-options=LIST  of the worker's Node.js, such as --max-semi-space-size=4",
  ].join("\n");
}

async function installed(name: string): Promise<boolean> {
  try {
    await import(name);
    return true;
  } catch {
    return false;
  }
}

/** One stage for all the benches that need it. The first sink finds a broker whose code is not compiled: it goes unseen. */
function stageOnDemand(signal: AbortSignal) {
  let opening: Promise<Stage> | undefined;
  const open = async (): Promise<Stage> => {
    const stage = await openStage((line) => console.error(line), signal);
    try {
      await measure(stage, row({ warmUpMs: 1_000 }), { seconds: 1, profile: null, nodeOptions: [] });
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  };
  return {
    open(): Promise<Stage> {
      opening ??= open();
      return opening;
    },
    async close() {
      const stage = await opening?.catch(() => undefined);
      await stage?.close();
    },
  };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    all: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    profile: { type: "string" },
    "node-options": { type: "string", default: "" },
    help: { type: "boolean", default: false },
  },
});
const unknown = positionals.filter((name) => !(name in BENCHES));
if (values.help || unknown.length > 0 || (values.seconds !== undefined && !(Number(values.seconds) >= 1))) {
  if (unknown.length > 0) console.error(`no bench ${unknown.join(", ")}`);
  print(usage());
  process.exit(values.help ? 0 : 2);
}

const interrupted = interruption();
const nativeInstalled = await installed("pulsar-client");
print(
  `Node.js ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model}), load ${loadavg()[0]?.toFixed(1)}`,
);
print(`sources: Wire${nativeInstalled ? ", Native" : "; Native is not measured, pulsar-client is not installed"}`);
const stage = stageOnDemand(interrupted);
const failed: string[] = [];
try {
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    print(`\n== ${name}`);
    const done = await bench.run({
      sources: nativeInstalled ? ["Wire", "Native"] : ["Wire"],
      ...{ all: values.all, only: values.only, signal: interrupted, stage: stage.open },
      options: {
        seconds: Number(values.seconds ?? bench.seconds),
        profile: values.profile ?? null,
        nodeOptions: values["node-options"].split(" ").filter((option) => option !== ""),
      },
    });
    if (!done) failed.push(name);
  }
} catch (error) {
  console.error(interrupted.aborted ? String(interrupted.reason) : error);
  failed.push("what was not run");
} finally {
  await stage.close();
}
if (failed.length > 0) console.error(`failed: ${failed.join(", ")}`);
process.exit(failed.length > 0 ? 1 : 0);
