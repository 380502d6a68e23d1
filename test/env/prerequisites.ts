import { existsSync } from "node:fs";
import { type Log, onPath, run } from "./process.ts";
import { step } from "./progress.ts";

/** The Debian package that brings each program. */
const PACKAGES: Readonly<Record<string, string>> = {
  busybox: "busybox-static",
  containerd: "containerd",
  ctr: "containerd",
  curl: "curl",
  flock: "util-linux",
  go: "golang-go",
  ip: "iproute2",
  iptables: "iptables",
  java: "openjdk-17-jre-headless",
  javac: "openjdk-17-jdk-headless",
  mvn: "maven",
  nsenter: "util-linux",
  openssl: "openssl",
  runc: "runc",
  setpriv: "util-linux",
  tar: "tar",
  unzip: "unzip",
  unshare: "util-linux",
};

/** Something that the local environment needs is not there; the message says what, and what to do. */
export class MissingPrerequisiteError extends Error {
  readonly code = "MISSING_PREREQUISITE";
}

/** Throws {@link MissingPrerequisiteError} unless every program is in PATH. */
export function requirePrograms(programs: readonly string[]): void {
  const missing = missingPrograms(programs);
  if (missing.length === 0) return;
  throw new MissingPrerequisiteError(
    `missing: ${missing.join(", ")}. On Debian: apt-get install --no-install-recommends ${packagesOf(missing).join(" ")}`,
  );
}

export function missingPrograms(programs: readonly string[]): string[] {
  return programs.filter((program) => onPath(program) === undefined);
}

export function packagesOf(programs: readonly string[]): string[] {
  return [...new Set(programs.map((program) => PACKAGES[program] ?? program))];
}

const INSTEAD = "To use a cluster that you have: make demo CLUSTER=current";

/**
 * Makes sure that a Kubernetes node can run here: Linux, root, and the programs. Missing programs are installed with apt-get
 * where there is one. Throws {@link MissingPrerequisiteError} with what is missing and what to do instead.
 */
export async function requireNode(log: Log, signal?: AbortSignal): Promise<void> {
  if (process.platform !== "linux") {
    throw new MissingPrerequisiteError(`the local cluster needs Linux, and this is ${process.platform}. ${INSTEAD}`);
  }
  if (process.getuid?.() !== 0) {
    throw new MissingPrerequisiteError(
      `the local cluster needs root: it makes namespaces and network links. ${INSTEAD}`,
    );
  }
  const programs = ["busybox", "containerd", "ctr", "curl", "flock", "ip", "iptables", "nsenter", "openssl", "runc"];
  const missing = [...missingPrograms([...programs, "setpriv", "unshare"])];
  const packages = packagesOf(missing);
  if (!existsSync("/usr/lib/cni/bridge")) packages.push("containernetworking-plugins");
  if (packages.length > 0) await install(packages, log, signal);
}

/** Throws {@link MissingPrerequisiteError} unless there is a Go that fetches the version a module asks for (1.21). */
export async function requireGo(): Promise<void> {
  const version = onPath("go") === undefined ? "none" : await run("go", ["env", "GOVERSION"]);
  const minor = Number(/^go1\.(\d+)/.exec(version)?.[1] ?? 0);
  if (minor >= 21) return;
  throw new MissingPrerequisiteError(
    `Go 1.21 or newer is needed to build Kubernetes and Helm (found: ${version.trim()}). Put it in PATH. ${INSTEAD}`,
  );
}

async function install(packages: readonly string[], log: Log, signal: AbortSignal | undefined): Promise<void> {
  const line = `apt-get install --yes --no-install-recommends --option DPkg::Lock::Timeout=300 ${packages.join(" ")}`;
  if (onPath("apt-get") === undefined) {
    throw new MissingPrerequisiteError(`missing Debian packages: ${packages.join(", ")}. ${INSTEAD}`);
  }
  const [command = "", ...args] = line.split(" ");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await step(log, "apt-get update", () => run("apt-get", ["update"], { env, signal }));
  await step(log, line, () => run(command, args, { env, signal }));
}
