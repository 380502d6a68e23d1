import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Log, onPath } from "./process.ts";
import { step } from "./progress.ts";

/** The folder outside the checkout that holds what is built or fetched once. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env["PULSAR_KINESIS_CACHE"] ?? join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pulsar-kinesis");
}

export interface CacheEntry {
  readonly name: string;
  /** Everything the content depends on: versions, hashes of sources. Another key is another entry. */
  readonly key: readonly string[];
  /** What the step is called in the progress lines. */
  readonly title: string;
  /** Fills an empty directory. It becomes visible only when this resolves. */
  readonly fill: (directory: string, signal?: AbortSignal) => Promise<void>;
}

/**
 * The directory of a cache entry, filled first if need be. Runs in several processes at once are safe: one fills, the
 * others wait for it, and the entry appears by a rename. Nothing remains of a fill that failed or that `signal` aborted.
 */
export async function cached(entry: CacheEntry, log: Log, signal?: AbortSignal): Promise<string> {
  const directory = entryDirectory(entry);
  if (existsSync(directory)) return directory;
  const root = cacheDirectory();
  await mkdir(root, { recursive: true });
  const waiting = (): void => log(`${entry.title}: another run is at it, waiting`);
  const unlock = await lock(join(root, `${entry.name}.lock`), waiting, signal);
  try {
    if (existsSync(directory)) return directory;
    const partial = `${entry.name}.partial-`;
    // of a run that was killed: whoever holds the lock is alone
    const left = (await readdir(root)).filter((name) => name.startsWith(partial));
    await Promise.all(left.map((name) => rm(join(root, name), { recursive: true, force: true })));
    const work = await mkdtemp(join(root, partial));
    try {
      await step(log, entry.title, () => entry.fill(work, signal));
      await rename(work, directory);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    return directory;
  } finally {
    unlock();
  }
}

export function entryDirectory(entry: Pick<CacheEntry, "name" | "key">): string {
  return join(cacheDirectory(), `${entry.name}-${hash(entry.key)}`);
}

/** A short digest of a list of texts; where one text ends matters. */
export function hash(parts: readonly (string | Uint8Array)[]): string {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(`${part.length}:`).update(part);
  return digest.digest("hex").slice(0, 16);
}

/** Takes a lock that the kernel gives back when this process dies, however it dies. */
async function lock(file: string, onWait: () => void, signal: AbortSignal | undefined): Promise<() => void> {
  if (onPath("flock") === undefined) return () => undefined;
  const holder = spawn("flock", [file, "sh", "-c", "echo; cat"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = setTimeout(onWait, 500);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  holder.stdout.once("data", () => resolve());
  holder.once("error", reject);
  // after an abort nobody waits for it
  promise.catch(() => undefined);
  holder.once("exit", () => reject(new Error(`could not lock ${file}`)));
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    signal?.throwIfAborted();
    await promise;
  } catch (error) {
    holder.kill();
    throw error;
  } finally {
    clearTimeout(waiting);
    signal?.removeEventListener("abort", abort);
  }
  return () => holder.stdin.end();
}
