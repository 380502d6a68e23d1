/**
 * Measures the operator against a fake API server with many sinks of two pods each: how long until it is in sync, what it writes,
 * and its memory, when it makes everything and when it is started again over a fleet that is as it should be.
 *
 *     scripts/node test/bench/operator.ts [SINKS]... [--node-options=OPTIONS] [--large BYTES]
 *
 * `--large` gives each sink a field of so many bytes that nothing reads.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Fleet, startFleet } from "../fakes/fleet.ts";
import { compileWorker } from "./harness/compiled-worker.ts";

const PODS = 2;
const QUIET_MS = 5_000;

interface Measured {
  readonly seconds: number;
  readonly writes: number;
  readonly rssMb: number;
  readonly peakMb: number;
  readonly cpuSeconds: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "node-options": { type: "string", default: "" }, large: { type: "string", default: "0" } },
});
const sizes = positionals.length === 0 ? [1, 100, 500, 1000, 2000] : positionals.map(Number);
const nodeOptions = values["node-options"].split(" ").filter((option) => option !== "");

const folder = mkdtempSync(join(tmpdir(), "operator-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const image = await compileWorker(folder, new AbortController().signal);

for (const sinks of sizes) {
  const bytes = Number(values.large);
  const config = {
    awsKinesisStreamName: "orders",
    awsRegion: "us-west-2",
    extraKinesisProducerConfig: { x: "x".repeat(bytes) },
  };
  const fleet = await startFleet({ sinks, pods: PODS, ...(bytes > 0 ? { spec: { config } } : {}) });
  try {
    for (const phase of ["creation", "restart"]) {
      const { seconds, writes, rssMb, peakMb, cpuSeconds } = await measure(fleet);
      console.log(
        `${sinks} sinks, ${phase}: quiet after ${seconds.toFixed(1)} s, ${writes} writes, ` +
          `RSS ${rssMb.toFixed(0)} MB, at most ${peakMb.toFixed(0)} MB, ${cpuSeconds.toFixed(1)} s CPU`,
      );
    }
  } finally {
    await fleet.close();
  }
}

/** Runs the operator until it has written nothing for a while. */
async function measure(fleet: Fleet): Promise<Measured> {
  fleet.writes();
  const began = Date.now();
  const child = spawn(process.execPath, [...nodeOptions, join(import.meta.dirname, "programs/fleet-operator.mjs")], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...image.env,
      ...process.env,
      COMPILED: join(folder, "dist"),
      API_URL: fleet.access.getCurrentCluster()?.server ?? "",
      POD_NAME: "operator-0",
      POD_NAMESPACE: "fleet",
      WORKER_IMAGE: "worker:1",
      HTTP_PORT: "0",
      LOG_LEVEL: "warn",
    },
  });
  let writes = 0;
  let last = began;
  for (;;) {
    await delay(200);
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the operator ended (${child.exitCode ?? child.signalCode}) after ${writes} writes`);
    }
    const fresh = [...fleet.writes().values()].reduce((sum, count) => sum + count, 0);
    writes += fresh;
    if (fresh > 0 || fleet.watching() < 10) last = Date.now();
    if (Date.now() - last > QUIET_MS) break;
  }
  const usage = usageOf(child);
  child.kill("SIGTERM");
  await once(child, "exit");
  return { seconds: (last - began) / 1000, writes, ...usage };
}

function usageOf({ pid }: ChildProcess): Pick<Measured, "rssMb" | "peakMb" | "cpuSeconds"> {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mb = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
  const times = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return { rssMb: mb("VmRSS"), peakMb: mb("VmHWM"), cpuSeconds: (Number(times[11]) + Number(times[12])) / 100 };
}
