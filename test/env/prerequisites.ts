import { onPath } from "./process.ts";

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
  mvn: "maven",
  nsenter: "util-linux",
  openssl: "openssl",
  runc: "runc",
  setpriv: "util-linux",
  tar: "tar",
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
