/** A sink that runs as a process of its own and is observed from outside, whatever it is written in. */
import { readFile } from "node:fs/promises";
import { type Daemon, lastLines, startDaemon, untilReady } from "../../env/process.ts";
import { treeOf } from "./usage.ts";

const START_LIMIT_MS = 90_000;
const STOP_LIMIT_MS = 20_000;

export interface RunningSink {
  readonly pid: number;
  /** Epoch milliseconds at which the process was begun. */
  readonly startedAt: number;
  /** Messages that the stream took and that are acknowledged, since the start. */
  delivered(): Promise<number>;
  ready(): Promise<boolean>;
  /** SIGTERM, and the end; nothing of it is left. */
  stop(): Promise<void>;
}

export interface SinkProgram {
  readonly name: string;
  readonly command: readonly string[];
  /** The working directory; its output goes to a file in it. */
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Where it answers /livez, /readyz and /metrics. */
  readonly port: number;
  readonly signal: AbortSignal;
}

/** Resolves when the program answers over HTTP; when it does not within 90 s, it is ended. */
export async function startSink(program: SinkProgram): Promise<RunningSink> {
  const { name, command, folder, env = process.env, port, signal } = program;
  const startedAt = Date.now();
  const logFile = `${folder}/${name}.log`;
  const daemon = await startDaemon({ name, command, cwd: folder, logFile, env });
  const get = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000) });
  const answers = async (): Promise<boolean> => (await get("/livez").catch(() => null)) !== null;
  try {
    await untilReady(daemon, answers, { timeoutMs: START_LIMIT_MS, signal });
  } catch (error) {
    await stop(daemon);
    throw error;
  }
  return {
    pid: daemon.pid,
    startedAt,
    delivered: async () => {
      const text = await (await get("/metrics").catch((error) => explain(daemon, error))).text();
      return Number(/^kinesis_sink_messages_delivered_total (\S+)$/m.exec(text)?.[1] ?? 0);
    },
    ready: async () => (await get("/readyz").catch((error) => explain(daemon, error))).ok,
    stop: () => stop(daemon),
  };
}

async function explain(daemon: Daemon, error: unknown): Promise<never> {
  const output = await readFile(daemon.logFile, "utf8").catch(() => "");
  throw new Error(`${daemon.name} does not answer:\n${lastLines(output, 20)}`, { cause: error });
}

async function stop(daemon: Daemon): Promise<void> {
  const children = daemon.running() ? (await treeOf(daemon.pid)).slice(1) : [];
  await daemon.stop(STOP_LIMIT_MS);
  for (const pid of children) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ended with its parent, as it should
    }
  }
}
