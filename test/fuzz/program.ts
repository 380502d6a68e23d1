/**
 * Runs inputs in this process, whose heap its starter has made a worker's:
 *
 * - `program.ts run SEED FROM SECONDS INPUTS TARGETS PROGRESS`: inputs for so long, of each target up to so many, from what FROM says.
 *   What runs is in the file PROGRESS, for whom it kills. Prints a line of JSON for each finding, and the tally as the last one.
 * - `program.ts tape TARGET FILE`: the input of one tape. Ends with 1 where it is a finding, with 3 where it took too much memory.
 * - `program.ts show TARGET FILE`: prints what that input consists of, and runs nothing.
 * - `program.ts draw TARGET FILE`: prints the tape of an input; FILE holds `[SEED, NUMBER]`.
 */
import { openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { inspect } from "node:util";
import { type Choices, minimized, replayed, seeded } from "./choices.ts";
import { compact } from "./compact.ts";
import type { Finding, Progress, Tally, TargetTally } from "./finding.ts";
import { measured, type Target } from "./target.ts";
import { openTargets } from "./targets/all.ts";

/** KiB that the process may ever have held. */
const MOST_RESIDENT_KIB = 512 << 10;
/** What a turn should take, milliseconds; told apart, and no finding. */
const GOAL_MILLIS = 50;
/** A slow one is run again: the first time may have been a compilation's or the collector's. */
const ATTEMPTS = 4;
const MINIMIZING_TRIES = 300;
const MINIMIZING_MS = 10_000;
/** Findings of one kind that are told in full. */
const TOLD = 2;
const SHOWN = 400;
const PROGRESS_LENGTH = 400;
const NOTHING = { inputs: 0, aboveGoal: 0, slowestMillis: 0, findings: 0 };
/** How a process ends whose memory was more than a worker's may be. */
const TOO_LARGE_CODE = 3;
/** Bytes. */
const COLLECT_ABOVE = 64 << 20;
/** Spreads the numbers of inputs over their seeds. */
const GOLDEN = 0x9e3779b1;

let highestKiB = 0;
const collect = (globalThis as { gc?: () => void }).gc;

/** The failure in words; null where there is none. */
async function failureOf(target: Target<unknown>, choices: Choices, tally?: TargetTally): Promise<string | null> {
  const input = target.generate(choices);
  collectIfLarge();
  let fastest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { millis, error, outcome } = await measured(target, input);
    if (error !== null) return `threw ${inspect(error)}`;
    fastest = Math.min(fastest, millis);
    if (attempt === 0 && tally !== undefined) tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1;
    if (fastest <= target.allowedMillis(input)) break;
  }
  const peak = peakKiB();
  if (tally !== undefined) note(tally, fastest);
  if (peak > MOST_RESIDENT_KIB) return `${peak >> 10} MiB were resident`;
  const allowed = target.allowedMillis(input);
  return fastest > allowed ? `took ${Math.round(fastest)} ms of at most ${Math.round(allowed)}` : null;
}

/** What the generator and earlier inputs left behind is not the reader's. */
function collectIfLarge(): void {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  if (heapUsed + arrayBuffers < COLLECT_ABOVE) return;
  collect?.();
  // The kernel begins its peak anew (proc_pid_clear_refs(5)).
  writeFileSync("/proc/self/clear_refs", "5");
}

function note(tally: TargetTally, millis: number): void {
  tally.inputs += 1;
  if (millis > GOAL_MILLIS) tally.aboveGoal += 1;
  tally.slowestMillis = Math.max(tally.slowestMillis, millis);
}

function peakKiB(): number {
  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);
  highestKiB = Math.max(highestKiB, peak);
  return peak;
}

/** What was found without its numbers, to know it when it comes again. */
function kindOf(failure: string): string {
  const [first = "", ...rest] = failure.split("\n");
  const place = rest.find((line) => /\/(worker|runtime)\//.test(line)) ?? "";
  return `${first.slice(0, 80)} ${place.trim()}`.replaceAll(/\d+/g, "#");
}

function show(target: Target<unknown>, tape: readonly number[]): string[] {
  const parts = target.parts(target.generate(replayed(tape)));
  return Object.entries(parts).map(([name, part]) => {
    const text = typeof part === "string" ? part : `${part.length} bytes: ${compact(part)}`;
    return `${name}: ${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}`;
  });
}

interface Extent {
  readonly seed: number;
  readonly from: Progress["next"];
  readonly seconds: number;
  /** Inputs of each target, at most. */
  readonly inputs: number;
}

async function run({ seed, from, seconds, inputs }: Extent, names: string, file: string): Promise<void> {
  const targets = (await openTargets()).filter(({ name }) => names === "all" || names.split(",").includes(name));
  const progress = openSync(file, "w");
  const tally: Tally = { next: { ...from }, peakKiB: 0, targets: {} };
  const told = new Map<string, number>();
  const spent = new Map<Target<unknown>, number>(targets.map((target) => [target, 0]));
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const target = least(spent);
    if (target === null) break;
    const index = tally.next[target.name] ?? 0;
    if (index >= inputs) {
      spent.delete(target);
      continue;
    }
    writeSync(progress, JSON.stringify({ target: target.name, next: tally.next }).padEnd(PROGRESS_LENGTH), 0);
    const before = process.threadCpuUsage();
    const counts = tally.targets[target.name] ?? { ...NOTHING, outcomes: {} };
    tally.targets[target.name] = counts;
    const choices = seeded(inputSeed(seed, index));
    const failure = await failureOf(target, choices, counts);
    const { user, system } = process.threadCpuUsage(before);
    spent.set(target, (spent.get(target) ?? 0) + user + system);
    tally.next[target.name] = index + 1;
    if (failure === null) continue;
    counts.findings += 1;
    if (peakKiB() > MOST_RESIDENT_KIB) break;
    const kind = `${target.name} ${kindOf(failure)}`;
    told.set(kind, (told.get(kind) ?? 0) + 1);
    if ((told.get(kind) ?? 0) <= TOLD) await tell(target, index, choices.tape, failure);
  }
  tally.peakKiB = highestKiB;
  console.log(JSON.stringify({ tally }));
  // The peak stays: whatever came next would be blamed for it.
  if (tally.peakKiB > MOST_RESIDENT_KIB) process.exitCode = TOO_LARGE_CODE;
}

/** All get the same time: some inputs take a thousand times as long as others. */
function least(spent: ReadonlyMap<Target<unknown>, number>): Target<unknown> | null {
  const [first] = [...spent].sort(([, one], [, other]) => one - other);
  return first?.[0] ?? null;
}

/** The seed of one input of a target. */
function inputSeed(seed: number, index: number): number {
  return (Math.imul(seed ^ (index + 1), GOLDEN) ^ seed) >>> 0;
}

async function tell(target: Target<unknown>, index: number, tape: readonly number[], failure: string): Promise<void> {
  const kind = kindOf(failure);
  const deadline = performance.now() + MINIMIZING_MS;
  const same = async (candidate: readonly number[]): Promise<boolean> => {
    if (performance.now() > deadline) return false;
    const again = await failureOf(target, replayed(candidate));
    return again !== null && kindOf(again) === kind;
  };
  const least = await minimized(tape, same, MINIMIZING_TRIES);
  const finding: Finding = { target: target.name, index, failure, tape: least, parts: show(target, least) };
  console.log(JSON.stringify({ finding }));
}

const [mode, ...args] = process.argv.slice(2);
if (mode === "run") {
  const [seed = "", from = "", seconds = "", inputs = "", names = "", progress = ""] = args;
  const next = JSON.parse(from) as Progress["next"];
  await run({ seed: Number(seed), from: next, seconds: Number(seconds), inputs: Number(inputs) }, names, progress);
} else {
  const [name, file = ""] = args;
  const target = (await openTargets()).find((each) => each.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const tape = JSON.parse(readFileSync(file, "utf8")) as number[];
  if (mode === "show") console.log(show(target, tape).join("\n"));
  else if (mode === "draw") console.log(JSON.stringify(draw(target, seeded(inputSeed(tape[0] ?? 0, tape[1] ?? 0)))));
  else {
    const failure = await failureOf(target, replayed(tape));
    if (failure !== null) console.log(failure);
    process.exitCode = failure === null ? 0 : peakKiB() > MOST_RESIDENT_KIB ? TOO_LARGE_CODE : 1;
  }
}
// Connections may be kept.
process.exit();

function draw(target: Target<unknown>, choices: Choices): readonly number[] {
  target.generate(choices);
  return choices.tape;
}
