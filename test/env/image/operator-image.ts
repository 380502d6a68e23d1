import { createHash } from "node:crypto";
import { globSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { stageApp } from "../../../scripts/image/app.ts";
import { stageBase } from "../../../scripts/image/base.ts";
import { stageModules } from "../../../scripts/image/modules.ts";
import { type CacheEntry, cached, hash } from "../cache.ts";
import type { Log } from "../process.ts";
import { step } from "../progress.ts";
import { parseDockerfile } from "./dockerfile.ts";
import { type Layer, packLayer, writeOciArchive } from "./oci-archive.ts";

export const OPERATOR_IMAGE = "localhost/pulsar-kinesis-operator:test";

const CHECKOUT = resolve(import.meta.dirname, "../../..");

/** The folders that scripts/image/main.ts stages, and what each is made of. */
const STAGES: Readonly<Record<string, { stage: (root: string) => Promise<void>; sources: readonly string[] }>> = {
  base: { stage: (root) => stageBase(root, process.execPath), sources: ["scripts/image/base.ts"] },
  modules: {
    stage: (root) => stageModules(root, CHECKOUT),
    sources: ["scripts/image/modules.ts", "package-lock.json", "node_modules/.package-lock.json"],
  },
  app: {
    stage: (root) => stageApp(root, CHECKOUT),
    sources: [
      "scripts/image/app.ts",
      "package.json",
      "tsconfig.json",
      "tsconfig.build.json",
      "{cli,crds,operator,runtime,worker}/**/*.{ts,json}",
    ],
  },
};

export interface BuiltImage {
  /** What pods name: with `imagePullPolicy: Never` or `IfNotPresent`. */
  readonly name: string;
  /** The OCI archive. */
  readonly archive: string;
}

/**
 * Packs the image that the Dockerfile describes as an OCI archive in `directory`, without a container engine: its layers are
 * the folders that the Dockerfile copies, its user, command and environment are the Dockerfile's. Layers are kept in the
 * cache by the content they are made of: about 10 s the first time, about 2 s when sources changed, less when nothing did.
 */
export async function packOperatorImage(directory: string, log: Log): Promise<BuiltImage> {
  const dockerfile = parseDockerfile(await readFile(join(CHECKOUT, "Dockerfile"), "utf8"));
  return step(log, `pack image ${OPERATOR_IMAGE}`, async () => {
    const layers: Layer[] = [];
    for (const folder of dockerfile.layers) layers.push(await cachedLayer(basename(folder), log));
    await mkdir(directory, { recursive: true });
    const archive = join(directory, "operator.tar");
    await writeOciArchive(archive, {
      name: OPERATOR_IMAGE,
      layers,
      entrypoint: dockerfile.entrypoint,
      command: dockerfile.command,
      env: dockerfile.env,
      ...(dockerfile.user === undefined ? {} : { user: dockerfile.user }),
      ...(dockerfile.workingDirectory === undefined ? {} : { workingDirectory: dockerfile.workingDirectory }),
    });
    return { name: OPERATOR_IMAGE, archive };
  });
}

/** Writes the image's whole file system under `root`, to look at or to run from. */
export async function stageOperatorRoot(root: string): Promise<void> {
  const dockerfile = parseDockerfile(await readFile(join(CHECKOUT, "Dockerfile"), "utf8"));
  for (const folder of dockerfile.layers) await stageOf(basename(folder)).stage(root);
}

function stageOf(folder: string): (typeof STAGES)[string] & object {
  const found = STAGES[folder];
  if (found === undefined)
    throw new Error(`Dockerfile: nothing stages ${folder}; there are ${Object.keys(STAGES).join(", ")}`);
  return found;
}

async function cachedLayer(folder: string, log: Log): Promise<Layer> {
  const { stage, sources } = stageOf(folder);
  const entry: CacheEntry = {
    name: `layer-${folder}`,
    key: [process.version, process.arch, await sourcesHash(sources)],
    title: `stage image layer ${folder}`,
    async fill(directory) {
      const root = await mkdtemp(join(tmpdir(), "image-root-"));
      try {
        await stage(root);
        const { digest, diffId } = await packLayer(root, join(directory, "layer"));
        await writeFile(join(directory, "digests.json"), JSON.stringify({ digest, diffId }));
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    },
  };
  const directory = await cached(entry, log);
  const digests: Omit<Layer, "file"> = JSON.parse(await readFile(join(directory, "digests.json"), "utf8"));
  return { file: join(directory, "layer"), ...digests };
}

async function sourcesHash(patterns: readonly string[]): Promise<string> {
  const files = globSync([...patterns], { cwd: CHECKOUT }).sort();
  const digest = createHash("sha256");
  for (const file of files) digest.update(hash([file, await readFile(join(CHECKOUT, file))]));
  return digest.digest("hex");
}
