import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
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
  readonly fill: (directory: string) => Promise<void>;
}

/**
 * The directory of a cache entry, filled first if need be. Runs in several processes at once are safe: one fills, the
 * others wait for it, and the entry appears by a rename.
 */
export async function cached(entry: CacheEntry, log: Log): Promise<string> {
  const directory = entryDirectory(entry);
  if (existsSync(directory)) return directory;
  const root = cacheDirectory();
  await mkdir(root, { recursive: true });
  const unlock = await lock(join(root, `${entry.name}.lock`), () =>
    log(`${entry.title}: another run is at it, waiting`),
  );
  try {
    if (existsSync(directory)) return directory;
    const work = await mkdtemp(join(root, `${entry.name}.partial-`));
    try {
      await step(log, entry.title, () => entry.fill(work));
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
async function lock(file: string, onWait: () => void): Promise<() => void> {
  if (onPath("flock") === undefined) return () => undefined;
  const holder = spawn("flock", [file, "sh", "-c", "echo; cat"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = setTimeout(onWait, 500);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  holder.stdout.once("data", () => resolve());
  holder.once("error", reject);
  holder.once("exit", () => reject(new Error(`could not lock ${file}`)));
  try {
    await promise;
  } finally {
    clearTimeout(waiting);
  }
  return () => holder.stdin.end();
}
