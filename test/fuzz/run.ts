/** Runs inputs in processes with the heap of a worker, and goes on behind an input that ends its process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { usageOf } from "../bench/harness/usage.ts";
import { minimized } from "./choices.ts";
import type { Finding, Progress, Tally, TargetTally } from "./finding.ts";

const PROGRAM = join(import.meta.dirname, "program.ts");
/** A worker's, where its container has 512 MiB (operator/desired/container.ts): a share of a large machine bounds nothing. */
const HEAP = ["--max-old-space-size=154", "--max-semi-space-size=2"];
const NODE_ARGS = [...HEAP, "--expose-gc"];
/** An input that is not over by then hangs: seconds of CPU time, and of time for one that waits for what does not come. */
const HANGS_AFTER_CPU_S = 20;
const HANGS_AFTER_S = 300;
/** Each try to make an input smaller starts a process, which is over soon unless it hangs. */
const MINIMIZING_TRIES = 40;
const TRY_LIMIT_MS = 60_000;
const MINIMIZING_MS = 60_000;
/** More deaths than these are a state in which nothing is learned. */
const MOST_DEATHS = 8;
/** As program.ts ends. */
const FINDING_CODE = 1;
const TOO_LARGE_CODE = 3;

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Of each target at most; without end by default. */
  readonly inputs?: number;
  /** Names with commas, or `all`. */
  readonly targets: string;
}

export interface FuzzResult {
  readonly findings: readonly Finding[];
  readonly targets: Readonly<Record<string, TargetTally>>;
  readonly peakKiB: number;
}

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const folder = await mkdtemp(join(tmpdir(), "fuzz-"));
  try {
    return await fuzzIn(folder, options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function fuzzIn(
  folder: string,
  { seed, seconds, inputs = Number.POSITIVE_INFINITY, targets }: FuzzOptions,
): Promise<FuzzResult> {
  const progress = join(folder, "progress");
  const findings: Finding[] = [];
  const total: Record<string, TargetTally> = {};
  let peakKiB = 0;
  let deaths = 0;
  const end = performance.now() + seconds * 1000;
  for (let next: Progress["next"] = {}; performance.now() < end && deaths < MOST_DEATHS; ) {
    const left = Math.ceil((end - performance.now()) / 1000);
    const args = [String(seed), JSON.stringify(next), String(left), String(inputs), targets, progress];
    const { tally, failure } = await runOnce(args, progress, (finding) => findings.push(finding));
    for (const [name, counts] of Object.entries(tally?.targets ?? {})) total[name] = sum(total[name], counts);
    peakKiB = Math.max(peakKiB, tally?.peakKiB ?? 0);
    // Its time was up, or it had no more inputs.
    if (failure === null) break;
    deaths += 1;
    const at = JSON.parse(await readFile(progress, "utf8")) as Progress;
    const index = at.next[at.target] ?? 0;
    findings.push(await explained(folder, at.target, [seed, index], failure));
    next = { ...at.next, [at.target]: index + 1 };
  }
  return { findings, targets: total, peakKiB };
}

function sum(one: TargetTally | undefined, other: TargetTally): TargetTally {
  if (one === undefined) return other;
  const outcomes = { ...one.outcomes };
  for (const [name, count] of Object.entries(other.outcomes)) outcomes[name] = (outcomes[name] ?? 0) + count;
  return {
    inputs: one.inputs + other.inputs,
    aboveGoal: one.aboveGoal + other.aboveGoal,
    slowestMillis: Math.max(one.slowestMillis, other.slowestMillis),
    findings: one.findings + other.findings,
    outcomes,
  };
}

interface Ended {
  /** Null where the process did not come so far. */
  readonly tally: Tally | null;
  /** Null where time was up. */
  readonly failure: string | null;
}

async function runOnce(args: readonly string[], progress: string, tell: (finding: Finding) => void): Promise<Ended> {
  const child = spawn(process.execPath, [...NODE_ARGS, PROGRAM, "run", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let tally: Tally | null = null;
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4_000);
  });
  createInterface(child.stdout).on("line", (line) => {
    const said = JSON.parse(line) as { readonly finding?: Finding; readonly tally?: Tally };
    if (said.finding !== undefined) tell(said.finding);
    tally = said.tally ?? tally;
  });
  const closed = once(child, "close");
  const watching = new AbortController();
  const hangs = watch(child.pid ?? 0, progress, watching.signal).then((seconds) => {
    if (seconds === null) return "";
    child.kill("SIGKILL");
    return `hangs: not over after ${seconds.toFixed(0)} s`;
  });
  const [code, signal] = (await closed) as [number | null, string | null];
  watching.abort();
  const hung = await hangs;
  if (code === 0) return { tally, failure: null };
  if (code === TOO_LARGE_CODE) return { tally, failure: "took more memory than a worker may have" };
  return { tally, failure: hung || `ended its process: ${signal ?? `code ${code}`}, ${lastWords(stderr)}` };
}

/** Resolves to how long an input took that does not end, or to null when `signal` aborts. */
async function watch(pid: number, progress: string, signal: AbortSignal): Promise<number | null> {
  let last = "";
  let since = await usageOf(pid).catch(() => null);
  while (!signal.aborted) {
    await delay(1_000, undefined, { signal }).catch(() => undefined);
    const [text, now] = await Promise.all([readFile(progress, "utf8").catch(() => ""), usageOf(pid).catch(() => null)]);
    if (text !== last || since === null || now === null) since = now;
    else if (text !== "") {
      const [cpu, seconds] = [(now.cpu - since.cpu) / 1e6, (now.at - since.at) / 1e3];
      if (cpu > HANGS_AFTER_CPU_S || seconds > HANGS_AFTER_S) return seconds;
    }
    last = text;
  }
  return null;
}

function lastWords(stderr: string): string {
  return /FATAL ERROR: .*/.exec(stderr)?.[0] ?? stderr.trim().split("\n").slice(-12).join(" | ");
}

/** An input that ended its process, made smaller by running others, each in a process of its own. */
async function explained(
  folder: string,
  target: string,
  [seed, index]: readonly [number, number],
  failure: string,
): Promise<Finding> {
  const file = join(folder, "tape");
  const ask = async (mode: string, content: readonly number[]): Promise<Output> => {
    await writeFile(file, JSON.stringify(content));
    return await output([mode, target, file]);
  };
  const drawn = await ask("draw", [seed, index]);
  if (drawn.code !== 0)
    return { target, index, failure: `its generator ends the process: ${failure}`, tape: [], parts: [] };
  const deadline = performance.now() + MINIMIZING_MS;
  const ends = async (tape: readonly number[]): Promise<boolean> => {
    if (performance.now() > deadline) return false;
    const { code } = await ask("tape", tape);
    return code !== 0 && code !== FINDING_CODE;
  };
  const tape = JSON.parse(drawn.stdout) as number[];
  const alone = await ends(tape);
  const least = alone ? await minimized(tape, ends, MINIMIZING_TRIES) : tape;
  const { stdout } = await ask("show", least);
  const told = alone ? failure : `${failure}; not by itself, but behind others`;
  return { target, index, failure: told, tape: least, parts: stdout.trim().split("\n") };
}

interface Output {
  readonly code: number | null;
  readonly stdout: string;
}

async function output(args: readonly string[]): Promise<Output> {
  const child = spawn(process.execPath, [...NODE_ARGS, PROGRAM, ...args], {
    stdio: ["ignore", "pipe", "ignore"],
    timeout: TRY_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout };
}
