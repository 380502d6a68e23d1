/** Worker processes to be measured: compiled as in the image, run from a manifest, observed from outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePorts } from "../env/ports.ts";
import { run } from "../env/process.ts";

const ROOT = join(import.meta.dirname, "../..");
/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

export interface CompiledWorker {
  readonly main: string;
  /** For manifests, credentials and other files of the runs. */
  readonly folder: string;
  remove(): Promise<void>;
}

/** Compiles the programs to a temporary folder. */
export async function compileWorker(): Promise<CompiledWorker> {
  const folder = await mkdtemp(join(tmpdir(), "bench-worker-"));
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const project = join(ROOT, "tsconfig.build.json");
  await run(process.execPath, [compiler, "-p", project, "--outDir", join(folder, "dist")], { cwd: ROOT });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "credentials.json"), JSON.stringify({ accessKey: "key", secretKey: "secret" }));
  return {
    main: join(folder, "dist/worker/main.js"),
    folder,
    remove: () => rm(folder, { recursive: true }),
  };
}

export interface Usage {
  /** User and system time of all threads since the process began, microseconds. */
  readonly cpu: number;
  /** Milliseconds, of `performance.now()`. */
  readonly at: number;
}

/** @throws when the process is gone */
export async function usageOf(pid: number): Promise<Usage> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  // The second field, the name, may hold blanks: utime and stime are the 14th and 15th (proc_pid_stat(5)).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { cpu: (ticks / TICKS_PER_SECOND) * 1e6, at: performance.now() };
}

/** Resident set now, MiB. */
export async function residentMiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]) / 1024;
}

export interface RunningWorker {
  readonly pid: number;
  /** Epoch milliseconds at which the process was begun. */
  readonly startedAt: number;
  /** Values of `/metrics`, without the prefix of the names. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  ready(): Promise<boolean>;
  /** SIGTERM, and the end. */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  /** Folder for a CPU profile; null for none. */
  readonly profile: string | null;
  /** Of the worker's Node.js, such as `--max-semi-space-size=4`. */
  readonly nodeOptions: readonly string[];
}

export async function startWorker(
  compiled: CompiledWorker,
  name: string,
  spec: object,
  { profile, nodeOptions }: WorkerOptions,
): Promise<RunningWorker> {
  const manifest = join(compiled.folder, `${name}.json`);
  const object = { apiVersion: "pulsar-kinesis.io/v1alpha1", kind: "KinesisSink", metadata: { name }, spec };
  await writeFile(manifest, JSON.stringify(object));
  if (profile !== null) await mkdir(profile, { recursive: true });
  const [port = 0] = await freePorts(1);
  const startedAt = Date.now();
  const child = spawn(
    process.execPath,
    [
      ...nodeOptions,
      ...(profile === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}.cpuprofile`]),
      ...[compiled.main, "-f", manifest, "--http-port", String(port)],
      ...["--secret", `aws/credentials.json=${join(compiled.folder, "credentials.json")}`],
    ],
    { cwd: compiled.folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  const keep = (text: Buffer): void => {
    output = (output + text.toString()).slice(-4000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  await answers(child, get, () => output);
  return {
    pid: child.pid ?? 0,
    startedAt,
    metrics: async () => parseMetrics(await (await get("/metrics")).text()),
    ready: async () => (await get("/readyz")).ok,
    stop: () => stop(child),
  };
}

async function answers(child: ChildProcess, get: (path: string) => Promise<Response>, output: () => string) {
  for (const deadline = performance.now() + START_LIMIT_MS; ; await delay(20)) {
    if (child.exitCode !== null) throw new Error(`the worker ended at its start:\n${output()}`);
    if (performance.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`the worker does not answer:\n${output()}`);
    }
    if (await get("/livez").catch(() => null)) return;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  await ended;
  clearTimeout(timer);
}

function parseMetrics(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const [, name = "", value = ""] of text.matchAll(/^kinesis_sink_(\w+) (\S+)$/gm)) {
    values.set(name, Number(value));
  }
  return values;
}
