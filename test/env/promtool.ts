import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cached } from "./cache.ts";
import { type Log, run } from "./process.ts";

/** The path of Prometheus' promtool, from Debian's package, which is unpacked and not installed. */
export async function promtool(log: Log, signal?: AbortSignal): Promise<string> {
  const entry = {
    name: "promtool",
    key: [process.arch],
    title: "fetch promtool",
    fill: async (directory: string, abort?: AbortSignal) => {
      const unpacked = join(directory, "unpacked");
      await run("apt-get", ["download", "prometheus"], { cwd: directory, signal: abort });
      const [archive = ""] = (await readdir(directory)).filter((name) => name.endsWith(".deb"));
      await run("dpkg-deb", ["--extract", archive, unpacked], { cwd: directory, signal: abort });
      await cp(join(unpacked, "usr/bin/promtool"), join(directory, "promtool"));
      await Promise.all([unpacked, join(directory, archive)].map((path) => rm(path, { recursive: true })));
    },
  };
  return join(await cached(entry, log, signal), "promtool");
}
