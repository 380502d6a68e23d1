import { cp, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CacheEntry, cached } from "../cache.ts";
import { requirePrograms } from "../prerequisites.ts";
import { type Log, run } from "../process.ts";
import { PULSAR, type PulsarRelease } from "./releases.ts";

const GROUP = "org.apache.pulsar";

/** The directory of an unpacked release, with its libraries in `lib` and `conf/standalone.conf`; fetched on the first call. */
export function pulsarHome(log: Log, signal?: AbortSignal, release = PULSAR): Promise<string> {
  return cached(release.from === "distribution" ? distribution(release) : libraries(release, log), log, signal);
}

/** 245 MB to fetch with Maven, 253 MB unpacked. */
function distribution({ version }: PulsarRelease): CacheEntry {
  return {
    name: "pulsar",
    key: [version],
    title: `fetch Apache Pulsar ${version} (245 MB) with Maven`,
    async fill(directory, signal) {
      requirePrograms(["tar"]);
      const artifact = `-Dartifact=${GROUP}:pulsar-server-distribution:${version}:tar.gz:bin`;
      await maven(directory, "", ["dependency:copy", `-DoutputDirectory=${directory}`, artifact], signal);
      const archive = (await readdir(directory)).find((name) => name.endsWith(".tar.gz"));
      if (archive === undefined) throw new Error("Maven fetched no Pulsar distribution");
      await run("tar", ["-xzf", join(directory, archive), "-C", directory, "--strip-components=1"]);
      await rm(join(directory, archive));
      await rename(join(directory, "README"), join(directory, "README.txt"));
    },
  };
}

/** For a release whose distribution no registry has. A broker passes over settings that it does not know. */
function libraries({ version }: PulsarRelease, log: Log): CacheEntry {
  return {
    name: `pulsar-${version}`,
    key: [version, PULSAR.version],
    title: `fetch the libraries of Apache Pulsar ${version} (330 files) with Maven`,
    async fill(directory, signal) {
      const pulsar = (name: string, more = ""): string =>
        `<dependencies><dependency><groupId>${GROUP}</groupId><artifactId>${name}</artifactId><version>${version}</version>${more}</dependency></dependencies>`;
      // The release says which versions of others it was made with.
      const managed = pulsar("pulsar", "<type>pom</type><scope>import</scope>");
      const dependencies = `<dependencyManagement>${managed}</dependencyManagement>${pulsar("pulsar-broker")}`;
      const output = `-DoutputDirectory=${join(directory, "lib")}`;
      await maven(directory, dependencies, ["dependency:copy-dependencies", "-DincludeScope=runtime", output], signal);
      const conf = join(directory, "conf");
      await mkdir(conf);
      await cp(join(await pulsarHome(log, signal), "conf/standalone.conf"), join(conf, "standalone.conf"));
    },
  };
}

/** @param dependencies of the project, as XML */
async function maven(directory: string, dependencies: string, args: readonly string[], signal?: AbortSignal) {
  requirePrograms(["mvn"]);
  const pom = join(directory, "pom.xml");
  await writeFile(
    pom,
    `<project>
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>fetch</artifactId><version>1</version>
  ${dependencies}
</project>
`,
  );
  await run("mvn", ["--quiet", "--batch-mode", "-f", pom, ...args], { signal });
  await rm(pom);
}
