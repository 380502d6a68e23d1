import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type CacheEntry, cached, hash } from "../cache.ts";
import { type Log, run } from "../process.ts";
import { launchBroker } from "./launch.ts";
import { prepareBroker } from "./prepare.ts";
import type { PulsarRelease } from "./releases.ts";

const DUMP_GRACE_MS = 120_000;

/**
 * The path of an archive of the broker's loaded classes (class data sharing), from which a broker starts in half the time.
 * Made once for each Java by starting and stopping a broker.
 */
export async function classArchive(
  home: string,
  { version }: PulsarRelease,
  log: Log,
  signal?: AbortSignal,
): Promise<string> {
  const java = await run("java", ["--version"], { signal });
  const entry: CacheEntry = {
    name: "pulsar-classes",
    key: [version, hash([java])],
    title: `archive the classes of Pulsar ${version}`,
    async fill(directory, abort) {
      const archive = join(directory, "classes.jsa");
      const work = join(directory, "work");
      await mkdir(work);
      const options = { log, signal: abort };
      const { command, ports } = await prepareBroker(work, home, options, { archive, write: true });
      const daemon = await launchBroker({
        ...{ command, host: "127.0.0.1", web: ports.web, token: undefined, directory: work },
        ...{ logFile: join(work, "broker.log"), signal: abort },
      });
      await daemon.stop(DUMP_GRACE_MS);
      await rm(work, { recursive: true });
      if (!existsSync(archive)) throw new Error("Java wrote no class archive");
    },
  };
  return join(await cached(entry, log, signal), "classes.jsa");
}
