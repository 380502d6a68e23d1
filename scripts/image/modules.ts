import { existsSync } from "node:fs";
import { cp, mkdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Not needed to run: TypeScript and types, source maps, documents, the packages' own tests. Licences stay. */
const NOT_RUN = [
  /\.[cm]?ts$/,
  /\.map$/,
  /\.(?:md|markdown)$/i,
  /_test\.js$/,
  // browser and bundler builds beside the one that Node.js loads
  /\/protobufjs\/dist\//,
  /\/re2js\/build\/index\.umd\.js$/,
  /\/yaml\/browser$/,
  /\/dist-(?:es|types)$/,
  // for another runtime than Node.js, for every platform
  /\/bare-[a-z]+\/prebuilds$/,
];
/** Needed to work on the project, though no development dependency: the Node.js of the lock file, types of dependencies. */
const NOT_IN_IMAGE = /^node_modules\/(?:node-linux-|@types\/)|\/node_modules\/@types\//;

interface LockedPackage {
  readonly dev?: boolean;
}

/**
 * Stages the production dependencies under `root`/app/node_modules: what package-lock.json lists and is installed, less what
 * is not needed to run. Optional dependencies that were not installed are left out.
 */
export async function stageModules(root: string, checkout: string): Promise<void> {
  const lock: { packages: Record<string, LockedPackage> } = JSON.parse(
    await readFile(join(checkout, "package-lock.json"), "utf8"),
  );
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    const from = join(checkout, path);
    if (path === "" || dev || NOT_IN_IMAGE.test(path) || !existsSync(from)) continue;
    const to = join(root, "app", path);
    await mkdir(dirname(to), { recursive: true });
    await cp(from, to, {
      recursive: true,
      // nested packages have entries of their own
      filter: (file) => basename(file) !== "node_modules" && !NOT_RUN.some((pattern) => pattern.test(file)),
    });
  }
}
