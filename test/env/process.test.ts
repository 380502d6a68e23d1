import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { until } from "../until.ts";
import { startDaemon, untilReady } from "./process.ts";
import { alive } from "./state-directory.ts";

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "process-test-"));
});

after(() => rm(directory, { recursive: true }));

test("a daemon does not outlive the process that started it, even when that is killed", async () => {
  const program = `
    const { startDaemon } = await import(process.argv[1]);
    const daemon = await startDaemon({ name: "sleep", command: ["sleep", "60"], logFile: process.argv[2] });
    console.log(daemon.pid);
    setInterval(() => {}, 1000);`;
  const module = join(import.meta.dirname, "process.ts");
  const owner = spawn(process.execPath, ["--input-type=module", "-e", program, module, join(directory, "sleep.log")]);
  const [line] = await once(owner.stdout, "data");
  const daemon = Number(String(line));
  assert.ok(alive(daemon));
  owner.kill("SIGKILL");
  await once(owner, "exit");
  await until("it is gone", async () => !alive(daemon), { pollMs: 20 });
});

test("a daemon that ends while starting is an error with its last words", async () => {
  const command = ["sh", "-c", "echo port is taken; exit 7"];
  const daemon = await startDaemon({ name: "broker", command, logFile: join(directory, "broker.log") });
  const ready = untilReady(daemon, async () => false, { timeoutMs: 60_000 });
  await assert.rejects(ready, /broker ended while starting \(exit code 7\).*port is taken/s);
});

test("a daemon that ignores SIGTERM is killed after its grace period", async () => {
  const command = ["sh", "-c", "trap '' TERM; echo trapped; while :; do sleep 0.1; done"];
  const logFile = join(directory, "stubborn.log");
  const daemon = await startDaemon({ name: "stubborn", command, logFile });
  await until("it ignores SIGTERM", async () => (await readFile(logFile, "utf8")) !== "", { pollMs: 20 });
  await daemon.stop(300);
  assert.equal(await daemon.ended(), "SIGKILL");
});
