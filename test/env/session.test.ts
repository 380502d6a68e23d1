import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "./process.ts";

const MAIN = join(import.meta.dirname, "main.ts");
let state: string;

before(async () => {
  state = await mkdtemp(join(tmpdir(), "session-test-"));
});

after(() => rm(state, { recursive: true }));

test("up prints what a shell evaluates, down ends it", async () => {
  const lines = await run(process.execPath, [MAIN, "up", "--state", state]);
  const probe = 'kubectl get nodes -o name && curl -fsS "$PULSAR_ADMIN_URL/admin/v2/clusters" && helm version --short';
  assert.match(await run("sh", ["-ec", `${lines}${probe}`]), /node\/node1\n\["standalone"\]v4\./);
  assert.match(
    await run("sh", ["-ec", `${lines}echo "$PULSAR_SERVICE_URL $KINESIS_ENDPOINT"`]),
    /^pulsar:\S+ http:\S+\n$/,
  );
  assert.match(await run(process.execPath, [MAIN, "status", "--state", state]), /^up /);
  assert.match(await run(process.execPath, [MAIN, "logs", "kubelet", "--state", state]), /==> kubelet.log <==/);
  await run(process.execPath, [MAIN, "down", "--state", state]);
  await assert.rejects(run(process.execPath, [MAIN, "status", "--state", state]), /exit code 3.*no environment runs/);
});

test("an interrupted up ends what it had started", async () => {
  const up = spawn(process.execPath, [MAIN, "up", "--state", state], { stdio: ["ignore", "pipe", "pipe"] });
  let progress = "";
  up.stderr.on("data", (chunk: Buffer) => {
    progress += chunk.toString();
  });
  while (!progress.includes("network pk")) await delay(50);
  const holder = await readFile(join(state, "pid"), "utf8");
  up.kill("SIGINT");
  const [code] = await once(up, "close");
  assert.equal(code, 1);
  assert.match(progress, /interrupted/);
  assert.deepEqual(
    (await readdir(tmpdir())).filter((name) => name.startsWith(`pulsar-kinesis-${holder}-`)),
    [],
  );
  assert.equal((await run("ps", ["-eo", "args"])).includes(`pulsar-kinesis-${holder}-`), false);
});
