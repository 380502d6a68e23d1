import { link, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CacheEntry, cached, hash } from "../cache.ts";
import { requireGo } from "../prerequisites.ts";
import { type Log, run } from "../process.ts";

export const KUBERNETES_VERSION = "1.37.2";
export const HELM_VERSION = "4.3.1";

const SOURCES = join(import.meta.dirname, "cluster");

interface Program {
  readonly name: string;
  readonly title: string;
  /** Its package and the files that are its own, relative to the Go module. */
  readonly package: string;
  readonly files: readonly string[];
  readonly ldflags?: string;
}

const PROGRAMS = {
  cluster: {
    name: "cluster",
    title: `build Kubernetes ${KUBERNETES_VERSION} (about 10 minutes on 2 cores, once)`,
    package: ".",
    files: ["main.go", "node.go"],
    ldflags: versionFlags(),
  },
  coredns: { name: "coredns", title: "build CoreDNS", package: "./dns", files: ["dns/main.go"] },
  metrics: { name: "metrics-server", title: "build metrics-server", package: "./metrics", files: ["metrics/main.go"] },
  pause: { name: "pause", title: "build the pause program", package: "./pause", files: ["pause/main.go"] },
} as const satisfies Record<string, Program>;

/** The path of a program of the cluster, built on the first call. */
export async function clusterProgram(name: keyof typeof PROGRAMS, log: Log, signal?: AbortSignal): Promise<string> {
  const program: Program = PROGRAMS[name];
  const files = await Promise.all(["go.mod", "go.sum", ...program.files].map((file) => readFile(join(SOURCES, file))));
  const entry: CacheEntry = {
    name: program.name,
    key: [hash([...files, program.ldflags ?? "", process.arch])],
    title: program.title,
    fill: (directory, abort) => build(program, directory, abort),
  };
  return join(await cached(entry, log, signal), program.name);
}

async function build(program: Program, directory: string, signal: AbortSignal | undefined): Promise<void> {
  await requireGo();
  const output = join(directory, program.name);
  await run(
    "go",
    [
      ...["build", "-trimpath", "-tags", "grpcnotrace", "-ldflags", `-s -w ${program.ldflags ?? ""}`],
      ...["-o", output, program.package],
    ],
    { cwd: SOURCES, env: goEnvironment(), signal },
  );
  // the binary goes by the name that it is called with
  if (program.name === "cluster") await link(output, join(directory, "kubectl"));
}

/** The path of the Helm program, built on the first call. */
export async function helmProgram(log: Log, signal?: AbortSignal): Promise<string> {
  const entry: CacheEntry = {
    name: "helm",
    key: [HELM_VERSION, process.arch],
    title: `build Helm ${HELM_VERSION} (about 2 minutes on 2 cores, once)`,
    async fill(directory, abort) {
      await requireGo();
      await run("go", ["install", "-trimpath", "-ldflags", "-s -w", `helm.sh/helm/v4/cmd/helm@v${HELM_VERSION}`], {
        cwd: directory,
        env: { ...goEnvironment(), GOBIN: directory },
        signal: abort,
      });
    },
  };
  return join(await cached(entry, log, signal), "helm");
}

function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: "0" };
}

/** kubectl refuses to work when it does not know its own version. */
function versionFlags(): string {
  const [major, minor] = KUBERNETES_VERSION.split(".");
  const values = {
    gitVersion: `v${KUBERNETES_VERSION}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: "clean",
    gitCommit: "0",
  };
  return ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
    .flatMap((path) => Object.entries(values).map(([name, value]) => `-X ${path}.${name}=${value}`))
    .join(" ");
}
