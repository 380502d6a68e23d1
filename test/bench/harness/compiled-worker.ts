/** The worker to be measured: compiled as in the image, run from a manifest. */
import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { NODE_ARGS } from "../../../operator/desired/container.ts";
import { parseDockerfile } from "../../env/image/dockerfile.ts";
import { freePorts } from "../../env/ports.ts";
import { run } from "../../env/process.ts";
import { sinkManifest } from "../../load/sink-manifest.ts";
import { writeWorkerFiles } from "../../load/worker-process.ts";
import { type RunningSink, startSink } from "./running-sink.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** The share of {@link NODE_ARGS}, of the memory limit that a worker has unless told otherwise: here it has none. */
const HEAP_ARG = `--max-old-space-size=${Math.round(0.3 * 512)}`;

export interface CompiledWorker {
  readonly main: string;
  /** The variables that the image sets. */
  readonly env: Readonly<Record<string, string>>;
  /** For manifests, credentials and other files of the runs. */
  readonly folder: string;
}

/** Compiles the programs into a folder. */
export async function compileWorker(folder: string, signal: AbortSignal): Promise<CompiledWorker> {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const project = join(ROOT, "tsconfig.build.json");
  await run(process.execPath, [compiler, "-p", project, "--outDir", join(folder, "dist")], { cwd: ROOT, signal });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const image = parseDockerfile(await readFile(join(ROOT, "Dockerfile"), "utf8"));
  const env = Object.fromEntries(image.env.map((variable) => variable.split("=", 2) as [string, string]));
  return { main: join(folder, "dist/worker/main.js"), env, folder };
}

export interface WorkerOptions {
  /** Folder for a CPU profile; null for none. */
  readonly profile: string | null;
  /** Of the worker's Node.js, such as `--max-semi-space-size=4`. */
  readonly nodeOptions: readonly string[];
  readonly signal: AbortSignal;
}

export async function startCompiledWorker(
  compiled: CompiledWorker,
  name: string,
  spec: object,
  { profile, nodeOptions, signal }: WorkerOptions,
): Promise<RunningSink> {
  const { folder, main } = compiled;
  const files = await writeWorkerFiles(folder, { name, manifest: sinkManifest({ name: "bench" }, spec) });
  if (profile !== null) await mkdir(profile, { recursive: true });
  const [port = 0] = await freePorts(1);
  const nodeArgs = NODE_ARGS.map((argument) => (argument.startsWith("--max-old-space") ? HEAP_ARG : argument));
  const command = [
    ...[process.execPath, ...nodeArgs, ...nodeOptions],
    ...(profile === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}.cpuprofile`]),
    ...[main, ...files, "--http-port", String(port)],
  ];
  return await startSink({ name, command, folder, env: { ...compiled.env, ...process.env }, port, signal });
}
