import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

/** The heap of a worker in a pod with the default memory limit. */
const HEAP = ["--max-old-space-size=154", "--max-semi-space-size=2"];
const RANDOM = 20;

test("messages that become millions of values leave a small heap alive, and take bounded time", {
  skip: existsSync("/proc/self/status") ? false : "what a process held at most is read from /proc",
}, async () => {
  const program = join(import.meta.dirname, "hostile.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [...HEAP, program, String(RANDOM)]);
  assert.match(stdout, /MiB at most/);
});
