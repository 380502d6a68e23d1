import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CREDENTIALS_KEY } from "./sink-manifest.ts";

const ROOT = join(import.meta.dirname, "../..");

/** A worker as a plain process. */
export interface WorkerProcess {
  /** Everything printed so far, on either stream. */
  output(): string;
  running(): boolean;
  /** Resolves to its exit code once it has ended and its output is complete; null when a signal ended it. */
  ended(): Promise<number | null>;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Ends it in order; resolves to its exit code, 0 when everything pending was delivered. */
  stop(): Promise<number | null>;
}

export interface WorkerSettings {
  /** An object, or the text of the file. */
  readonly manifest: object | string;
  readonly credentials?: { readonly accessKey: string; readonly secretKey: string };
  /** More of `--secret`, each `NAME/KEY=FILE`. */
  readonly secrets?: readonly string[];
}

/** @param root takes a folder with the manifest and the credentials: a running worker reads its own again and again */
export async function startWorker(root: string, settings: WorkerSettings): Promise<WorkerProcess> {
  const { manifest, credentials, secrets = [] } = settings;
  const folder = await mkdtemp(join(root, "worker-"));
  const args = await writeWorkerFiles(folder, { name: "manifest", manifest, ...(credentials && { credentials }) });
  const command = ["worker/main.ts", ...args, ...secrets.flatMap((secret) => ["--secret", secret])];
  return track(spawn(process.execPath, command, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] }));
}

/** Writes what a worker reads; resolves to the arguments that name it. */
export async function writeWorkerFiles(
  folder: string,
  files: Omit<WorkerSettings, "secrets"> & { readonly name: string },
): Promise<string[]> {
  const { name, manifest, credentials = { accessKey: "key", secretKey: "secret" } } = files;
  const file = join(folder, `${name}.yaml`);
  const secret = join(folder, `${name}.credentials.json`);
  await writeFile(file, typeof manifest === "string" ? manifest : JSON.stringify(manifest));
  await writeFile(secret, JSON.stringify(credentials));
  return ["-f", file, "--secret", `${CREDENTIALS_KEY.name}/${CREDENTIALS_KEY.key}=${secret}`];
}

function track(child: ChildProcess): WorkerProcess {
  let output = "";
  let running = true;
  const note = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout?.on("data", note);
  child.stderr?.on("data", note);
  const close = once(child, "close").then(([code]) => {
    running = false;
    return code as number | null;
  });
  return {
    output: () => output,
    running: () => running,
    ended: () => close,
    kill: async () => {
      child.kill("SIGKILL");
      await close;
    },
    stop: () => {
      child.kill("SIGTERM");
      return close;
    },
  };
}
