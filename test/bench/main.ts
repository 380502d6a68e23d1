/**
 * Measures speed, cost and memory, and prints a table for each bench.
 *
 *     scripts/node test/bench/main.ts [BENCH]... [--seconds 10] [--all] [--only TEXT] [--profile FOLDER]
 *         [--node-options OPTIONS]
 *
 * Benches: worker, consume, pipeline, put-records, aggregate, formats; without a name all of them. `--seconds` is the
 * window of each row of `worker`, `--all` adds rows to it, `--only` takes the rows whose name holds the text, such as
 * `unordered-aggregated-200-1000`, `--profile` keeps a CPU profile of each of its workers, and
 * `--node-options` are their Node.js' own, given as `--node-options=--max-semi-space-size=4`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchWorker } from "./worker.ts";

/** Programs of their own, with arguments that keep them short. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  consume: ["--messages", "300000"],
  pipeline: ["300000"],
  "put-records": ["2"],
  aggregate: [],
  formats: [],
};
const PROGRAM_LIMIT_MS = 240_000;

async function installed(name: string): Promise<boolean> {
  try {
    await import(name);
    return true;
  } catch {
    return false;
  }
}

async function runProgram(name: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...args], {
    stdio: "inherit",
    timeout: PROGRAM_LIMIT_MS,
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code === 0;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "10" },
    all: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    profile: { type: "string" },
    "node-options": { type: "string", default: "" },
  },
});
const known = ["worker", ...Object.keys(PROGRAMS)];
const unknown = positionals.filter((name) => !known.includes(name));
const seconds = Number(values.seconds);
if (unknown.length > 0 || !(seconds >= 1)) {
  const problem = unknown.length > 0 ? `no bench ${unknown.join(", ")}` : "--seconds takes a number from 1";
  console.error(`${problem}; benches: ${known.join(", ")}`);
  process.exit(2);
}

const nativeInstalled = await installed("pulsar-client");
console.log(
  `Node.js ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model}), load ${loadavg()[0]?.toFixed(1)}`,
);
console.log(
  `sources: Wire${nativeInstalled ? ", Native" : "; Native is not measured, pulsar-client is not installed"}`,
);
const failed: string[] = [];
for (const name of positionals.length === 0 ? known : positionals) {
  console.log(`\n== ${name}`);
  if (name === "worker") {
    const { all, only, profile = null } = values;
    const nodeOptions = values["node-options"].split(" ").filter((option) => option !== "");
    const log = (line: string) => console.error(line);
    await benchWorker({ seconds, all, only, profile, nodeOptions, nativeInstalled, log });
  } else if (!(await runProgram(name, PROGRAMS[name] ?? []))) failed.push(name);
}
if (failed.length > 0) console.error(`failed or took too long: ${failed.join(", ")}`);
process.exit(failed.length > 0 ? 1 : 0);
