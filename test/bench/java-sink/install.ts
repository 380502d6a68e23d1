import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { type CacheEntry, cached, hash } from "../../env/cache.ts";
import { requirePrograms } from "../../env/prerequisites.ts";
import { type Log, run } from "../../env/process.ts";
import { pulsarHome } from "../../env/pulsar/distribution.ts";
import { PULSAR } from "../../env/pulsar/releases.ts";

const MAIN = join(import.meta.dirname, "JavaSink.java");

const POM = `<project>
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>fetch</artifactId><version>1</version>
</project>
`;

/** Pulsar's Kinesis connector with all it needs, the Kinesis Producer Library among it: 146 MB to fetch with Maven. */
const connector: CacheEntry = {
  name: "java-sink",
  key: [PULSAR.version],
  title: `fetch the Java sink of Apache Pulsar ${PULSAR.version} (146 MB) with Maven`,
  async fill(directory, signal) {
    requirePrograms(["mvn", "unzip"]);
    const pom = join(directory, "pom.xml");
    await writeFile(pom, POM);
    const copy = ["--quiet", "--batch-mode", "-f", pom, "dependency:copy", `-DoutputDirectory=${directory}`];
    await run("mvn", [...copy, `-Dartifact=org.apache.pulsar:pulsar-io-kinesis:${PULSAR.version}`], { signal });
    const archive = (await readdir(directory)).find((name) => name.endsWith(".jar"));
    if (archive === undefined) throw new Error("Maven fetched no Kinesis connector");
    await run("unzip", ["-q", join(directory, archive), "-d", directory], { signal });
    await Promise.all([rm(join(directory, archive)), rm(pom)]);
  },
};

/** The class path of {@link MAIN}, fetched and compiled on the first call. */
export async function javaSinkClassPath(log: Log, signal?: AbortSignal): Promise<string> {
  const home = await pulsarHome(log, signal);
  const folder = await cached(connector, log, signal);
  const libraries = [folder, join(folder, "META-INF/bundled-dependencies/*"), join(home, "lib/*")].join(delimiter);
  const classes: CacheEntry = {
    name: "java-sink-main",
    key: [PULSAR.version, hash([await readFile(MAIN)])],
    title: "compile the program that runs the Java sink",
    async fill(directory, abort) {
      requirePrograms(["javac"]);
      await run("javac", ["-nowarn", "-d", directory, "-cp", libraries, MAIN], { signal: abort });
    },
  };
  return [await cached(classes, log, signal), libraries].join(delimiter);
}
