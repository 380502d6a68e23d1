/** The workers of a soak: each a process in a network namespace of its own, with the heap that it has in a pod. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { NODE_ARGS } from "../../operator/desired/container.ts";
import type { CompiledWorker } from "../bench/harness/compiled-worker.ts";
import { residentMiB } from "../bench/harness/usage.ts";
import { type Daemon, startDaemon } from "../env/process.ts";
import { sinkManifest } from "../load/sink-manifest.ts";
import { writeWorkerFiles } from "../load/worker-process.ts";
import type { WorkerNetwork } from "./network.ts";
import type { WorkerSample } from "./rules.ts";

/** The share of NODE_ARGS, of the memory limit that a worker has unless told otherwise: here it has none. */
const HEAP_ARG = `--max-old-space-size=${Math.round(0.3 * 512)}`;
const STOP_GRACE_MS = 30_000;
const LOG_SHOWN = 3_000;

export interface SoakWorker {
  readonly name: string;
  readonly network: WorkerNetwork;
  readonly running: boolean;
  start(): Promise<void>;
  kill(): Promise<void>;
  stop(): Promise<void>;
  /** Null while it does not run. */
  sample(): Promise<WorkerSample | null>;
  /** The end of its log. */
  lastWords(): Promise<string>;
}

export interface WorkerOptions {
  readonly name: string;
  readonly compiled: CompiledWorker;
  readonly network: WorkerNetwork;
  readonly spec: object;
}

export async function createWorker({ name, compiled, network, spec }: WorkerOptions): Promise<SoakWorker> {
  const files = await writeWorkerFiles(compiled.folder, { name, manifest: sinkManifest({ name: "soak" }, spec) });
  const nodeArgs = NODE_ARGS.map((argument) => (argument.startsWith("--max-old-space") ? HEAP_ARG : argument));
  const command = [...network.enter, process.execPath, ...nodeArgs, compiled.main, ...files];
  const logFile = join(compiled.folder, `${name}.log`);
  const env = { ...compiled.env, ...process.env };
  let daemon: Daemon | null = null;
  let startedAt = 0;
  return {
    name,
    network,
    get running() {
      return daemon?.running() === true;
    },
    async start() {
      daemon = await startDaemon({ name, command, cwd: compiled.folder, logFile, env });
      startedAt = performance.now();
    },
    async kill() {
      daemon?.signal("SIGKILL");
      await daemon?.ended();
    },
    stop: async () => await daemon?.stop(STOP_GRACE_MS),
    async sample() {
      if (daemon === null || !daemon.running()) return null;
      const rssMiB = await residentMiB(daemon.pid).catch(() => null);
      const age = (performance.now() - startedAt) / 1000;
      return rssMiB === null ? null : { name, pid: daemon.pid, rssMiB, age };
    },
    lastWords: async () => (await readEnd(logFile)).trim(),
  };
}

async function readEnd(file: string): Promise<string> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return "";
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - LOG_SHOWN);
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size - from), position: from });
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}
