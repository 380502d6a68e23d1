import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KINESIS_SINKS } from "../../crds/resource.ts";

const ROOT = join(import.meta.dirname, "../..");

/** A worker as a plain process. */
export interface WorkerProcess {
  /** The tail of everything printed, on either stream. */
  output(): string;
  running(): boolean;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Ends it in order; resolves to its exit code, 0 when everything pending was delivered. */
  stop(): Promise<number | null>;
}

export interface SinkSpec {
  readonly name: string;
  readonly stream: string;
  readonly endpoint: string;
  readonly ordered: boolean;
  readonly serviceUrl: string;
  readonly topic: string;
  /** More of `spec.config`. */
  readonly config: Readonly<Record<string, unknown>>;
}

const SHOWN = 20_000;

/** @param root takes a folder with the manifest and the credentials: a running worker reads its own again and again */
export async function startWorker(root: string, spec: SinkSpec): Promise<WorkerProcess> {
  const folder = await mkdtemp(join(root, "worker-"));
  const manifest = join(folder, `${spec.name}.json`);
  const secret = join(folder, "credentials.json");
  await writeFile(secret, JSON.stringify({ accessKey: "fault-tests", secretKey: "fault-tests" }));
  await writeFile(manifest, JSON.stringify(manifestOf(spec)));
  const args = ["worker/main.ts", "-f", manifest, "--secret", `aws/credentials.json=${secret}`];
  return track(spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] }));
}

function manifestOf({ name, stream, endpoint, ordered, serviceUrl, topic, config }: SinkSpec): object {
  return {
    apiVersion: KINESIS_SINKS.apiVersion,
    kind: KINESIS_SINKS.kind,
    metadata: { name },
    spec: {
      config: { awsKinesisStreamName: stream, awsEndpoint: endpoint, retainOrdering: ordered, ...config },
      secrets: { awsCredentialPluginParam: { name: "aws", key: "credentials.json" } },
      pulsar: { serviceUrl, topics: [topic] },
    },
  };
}

function track(child: ChildProcess): WorkerProcess {
  let text = "";
  let ended = false;
  const note = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-SHOWN);
  };
  child.stdout?.on("data", note);
  child.stderr?.on("data", note);
  const exit = once(child, "exit").then(([code]) => {
    ended = true;
    return code as number | null;
  });
  return {
    output: () => text,
    running: () => !ended,
    kill: async () => {
      child.kill("SIGKILL");
      await exit;
    },
    stop: async () => {
      child.kill("SIGTERM");
      return await exit;
    },
  };
}
