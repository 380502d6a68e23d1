import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { freePorts } from "../ports.ts";
import { type Daemon, type Log, startDaemon, untilReady } from "../process.ts";
import { step } from "../progress.ts";
import { stateDirectory } from "../state-directory.ts";

const START_TIMEOUT_MS = 180_000;
const START_ATTEMPTS = 3;

export interface KinesisOptions {
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** The address to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  /** A command prefix that enters the network namespace to run in; empty by default. */
  readonly enter?: readonly string[];
  /** `kinesis-local` is faithful (about 1,300 records/s), `kinesalite` is faster (12,800) and older. */
  readonly emulator?: "kinesis-local" | "kinesalite";
  /** Streams to create at the start, name to number of shards. kinesis-local only. */
  readonly streams?: Readonly<Record<string, number>>;
  /** How long creating, splitting and the like take, in milliseconds: 100 by default. */
  readonly operationMillis?: number;
}

/** A running emulator of the Kinesis Data Streams API. Any credentials will do; the region is `us-east-1`. */
export interface Kinesis {
  /** `http://host:port` */
  readonly endpoint: string;
  /** `https://host:port` with a self-signed certificate; kinesis-local only. */
  readonly endpointTls: string | undefined;
  readonly region: string;
  readonly logFile: string;
  /** The emulator's process id; undefined while stopped. */
  readonly pid: number | undefined;
  /** Sends a signal: SIGSTOP and SIGCONT for a service that hangs, SIGKILL for one that is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts an emulator that was killed again, at the same port; its streams are gone. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a Kinesis emulator and resolves when it answers: about a second. Needs neither root nor Kubernetes.
 *
 * ```ts
 * const kinesis = await startKinesis({ log: console.error, streams: { orders: 2 } });
 * const requestHandler = new NodeHttpHandler(); // HTTP/1.1: the default handler and kinesis-local disagree on HTTP/2
 * new KinesisClient({ endpoint: kinesis.endpoint, region: kinesis.region, credentials, requestHandler });
 * ```
 */
export async function startKinesis(options: KinesisOptions): Promise<Kinesis> {
  for (let attempt = 1; ; attempt++) {
    const directory = await stateDirectory("kinesis");
    try {
      return await startIn(directory, options);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      // a port was free when it was picked and taken when the emulator came to bind it
      if (attempt === START_ATTEMPTS || !String(error).includes("EADDRINUSE")) throw error;
    }
  }
}

async function startIn(directory: string, options: KinesisOptions): Promise<Kinesis> {
  const { log, enter = [], host = "127.0.0.1", emulator = "kinesis-local" } = options;
  const [plain = 0, tls = 0] = await freePorts(2, enter);
  const { command, env } =
    emulator === "kinesis-local" ? kinesisLocal(plain, tls, options) : kinesalite(plain, options);
  const logFile = join(directory, "kinesis.log");
  let daemon: Daemon | undefined;
  const start = async (signal?: AbortSignal): Promise<void> => {
    daemon = await startDaemon({
      name: emulator,
      command: [...enter, process.execPath, ...command],
      env: { ...process.env, EMULATOR_HOST: host, ...env },
      cwd: directory,
      logFile,
    });
    await untilReady(daemon, () => answers(host, plain), { timeoutMs: START_TIMEOUT_MS, signal });
  };
  try {
    await step(log, `start Kinesis (${emulator}) at http://${host}:${plain}`, () => start(options.signal));
  } catch (error) {
    await daemon?.stop(0);
    throw error;
  }
  return {
    endpoint: `http://${host}:${plain}`,
    endpointTls: emulator === "kinesis-local" ? `https://${host}:${tls}` : undefined,
    region: "us-east-1",
    logFile,
    get pid() {
      return daemon?.running() ? daemon.pid : undefined;
    },
    async kill(signal) {
      daemon?.signal(signal);
      if (signal === "SIGKILL") await daemon?.ended();
    },
    async start() {
      if (!daemon?.running()) await start();
    },
    async close() {
      await daemon?.stop(2000);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Launch {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function kinesisLocal(plain: number, tls: number, options: KinesisOptions): Launch {
  const main = createRequire(import.meta.url).resolve("kinesis-local");
  const duration = `${options.operationMillis ?? 100}ms`;
  const operations = ["CREATE_STREAM", "DELETE_STREAM", "MERGE_SHARDS", "SPLIT_SHARD", "UPDATE_SHARD_COUNT"];
  return {
    command: ["--import", join(import.meta.dirname, "bind-host.ts"), main],
    env: {
      KINESIS_MOCK_PLAIN_PORT: String(plain),
      KINESIS_MOCK_TLS_PORT: String(tls),
      KINESIS_MOCK_CERT_PATH: join(dirname(main), "server.json"),
      SHARD_LIMIT: "1000",
      LOG_LEVEL: "WARN",
      ...Object.fromEntries(operations.map((name) => [`${name}_DURATION`, duration])),
      ...(options.streams && {
        INITIALIZE_STREAMS: Object.entries(options.streams)
          .map(([name, shards]) => `${name}:${shards}`)
          .join(","),
      }),
    },
  };
}

function kinesalite(port: number, options: KinesisOptions): Launch {
  if (options.streams !== undefined) throw new TypeError("streams: kinesalite creates no streams at its start");
  return {
    command: [join(import.meta.dirname, "kinesalite.ts")],
    env: { EMULATOR_PORT: String(port), EMULATOR_OPERATION_MILLIS: String(options.operationMillis ?? 100) },
  };
}

async function answers(host: string, port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
