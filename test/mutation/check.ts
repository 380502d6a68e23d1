/** Runs a test with a mutated module, and tells whether the test saw it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Mutation } from "./mutations.ts";

const ROOT = join(import.meta.dirname, "../..");
const LOADER = join(import.meta.dirname, "loader.ts");
/** Kept, so that a run is the same each time; of the properties of the guarantee. */
const SEED = "20260101";
const RUNS = "400";
/** A test that needs longer does not count as one that fails. */
const LIMIT_MS = 60_000;
/** How a test fails that saw something; a module that does not even load fails otherwise. */
const SEEN = /AssertionError|Property failed|ERR_ASSERTION/;

export interface Verdict {
  /** Null when the test failed as it should. */
  readonly complaint: string | null;
  readonly seconds: number;
}

export async function check(mutation: Mutation): Promise<Verdict> {
  const [file, name] = mutation.test;
  const pattern = `--test-name-pattern=${name.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}`;
  const { NODE_TEST_CONTEXT: _context, NODE_COMPILE_CACHE: _cache, ...inherited } = process.env;
  const own = { MUTATION: JSON.stringify(mutation), PROPERTY_SEED: SEED, PROPERTY_RUNS: RUNS, PROPERTY_SHRINK: "no" };
  const started = performance.now();
  const child = spawn(process.execPath, ["--import", LOADER, pattern, file], {
    cwd: ROOT,
    env: { ...inherited, ...own },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  const seconds = (performance.now() - started) / 1000;
  return { complaint: complaintOf(code, output), seconds };
}

function complaintOf(code: number | null, output: string): string | null {
  if (code === null) return `was not over after ${LIMIT_MS / 1000} s`;
  if (code === 0) return "passed all the same";
  if (code === 1 && SEEN.test(output)) return null;
  return `failed for another reason (code ${code}):\n${output.trim().split("\n").slice(-20).join("\n")}`;
}
