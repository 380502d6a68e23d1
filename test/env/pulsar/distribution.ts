import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CacheEntry, cached } from "../cache.ts";
import { requirePrograms } from "../prerequisites.ts";
import { type Log, run } from "../process.ts";

export const PULSAR_VERSION = "4.0.8";

const POM = `<project>
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>fetch</artifactId><version>1</version>
</project>
`;

/** The cache entry of the unpacked distribution: 245 MB to fetch with Maven, 253 MB unpacked. */
export const distribution: CacheEntry = {
  name: "pulsar",
  key: [PULSAR_VERSION],
  title: `fetch Apache Pulsar ${PULSAR_VERSION} (245 MB) with Maven`,
  async fill(directory, signal) {
    requirePrograms(["mvn", "tar"]);
    const pom = join(directory, "pom.xml");
    await writeFile(pom, POM);
    const copy = ["--quiet", "--batch-mode", "-f", pom, "dependency:copy", `-DoutputDirectory=${directory}`];
    const artifact = `-Dartifact=org.apache.pulsar:pulsar-server-distribution:${PULSAR_VERSION}:tar.gz:bin`;
    await run("mvn", [...copy, artifact], { signal });
    const archive = (await readdir(directory)).find((name) => name.endsWith(".tar.gz"));
    if (archive === undefined) throw new Error("Maven fetched no Pulsar distribution");
    await run("tar", ["-xzf", join(directory, archive), "-C", directory, "--strip-components=1"]);
    await Promise.all([rm(join(directory, archive)), rm(pom)]);
    await rename(join(directory, "README"), join(directory, "README.txt"));
  },
};

/** The directory of the unpacked distribution, fetched on the first call. */
export async function pulsarHome(log: Log, signal?: AbortSignal): Promise<string> {
  return cached(distribution, log, signal);
}
