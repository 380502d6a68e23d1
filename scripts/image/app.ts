import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Stages the two programs under `root`/app: dist/ compiled from the sources, and a package.json that makes them modules. */
export async function stageApp(root: string, checkout: string): Promise<void> {
  const app = join(root, "app");
  await mkdir(app, { recursive: true });
  const { name, version } = JSON.parse(await readFile(join(checkout, "package.json"), "utf8"));
  await writeFile(join(app, "package.json"), JSON.stringify({ name, version, type: "module", private: true }));
  const compiler = join(checkout, "node_modules/typescript/bin/tsc");
  // only emitted here: `make typecheck` checks
  const args = ["-p", join(checkout, "tsconfig.build.json"), "--outDir", join(app, "dist"), "--noCheck"];
  await promisify(execFile)(process.execPath, [compiler, ...args]);
}
