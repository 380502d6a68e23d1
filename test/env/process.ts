import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Where one line of progress goes. */
export type Log = (line: string) => void;

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Written to the command's standard input, which is empty otherwise. */
  readonly input?: string;
  readonly signal?: AbortSignal | undefined;
}

/** A command ended with another code than 0; the message holds the end of what it printed. */
export class CommandError extends Error {
  readonly code = "COMMAND_FAILED";
  readonly stderr: string;

  constructor(command: string, exit: string, stdout: string, stderr: string) {
    super(`${command} failed (${exit}): ${lastLines(stderr || stdout, 12)}`);
    this.stderr = stderr;
  }
}

/** Runs a command to its end and returns what it printed. Throws {@link CommandError} when it fails. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  child.on("error", reject);
  child.on("close", (code, signal) => {
    const stdout = Buffer.concat(out).toString();
    if (code === 0) resolve(stdout);
    else reject(new CommandError(command, signal ?? `exit code ${code}`, stdout, Buffer.concat(err).toString()));
  });
  // a command may end without reading its input
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  return promise;
}

export interface DaemonOptions {
  readonly name: string;
  /** The command line; its first word is looked up in PATH. */
  readonly command: readonly string[];
  readonly logFile: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What the kernel sends it when this process dies: SIGKILL by default, SIGTERM for one that cleans up. */
  readonly deathSignal?: "SIGTERM" | "SIGKILL";
}

/** A process that runs until it is stopped, and never longer than the process that started it. */
export interface Daemon {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves once the process is gone, with how it ended ("exit code 1", "SIGKILL"). */
  ended(): Promise<string>;
  running(): boolean;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. */
  stop(graceMs?: number): Promise<void>;
}

/** Starts a daemon with its output in `logFile`. On Linux the kernel ends it when this process dies. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const log = await open(options.logFile, "a");
  const [command = "", ...args] = onPath("setpriv")
    ? ["setpriv", "--pdeathsig", (options.deathSignal ?? "SIGKILL").slice(3), "--", ...options.command]
    : options.command;
  // a session of its own: Ctrl-C in the terminal reaches the owner alone, which then stops its parts in order
  const child: ChildProcess = spawn(command, args, {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const { promise: exited, resolve } = Promise.withResolvers<string>();
  const { promise: spawned, resolve: onSpawn, reject: onError } = Promise.withResolvers<void>();
  let end: string | undefined;
  child.on("spawn", onSpawn);
  child.on("error", onError);
  child.on("exit", (code, signal) => {
    end = signal ?? `exit code ${code}`;
    resolve(end);
  });
  try {
    await spawned;
  } finally {
    await log.close();
  }
  // a forgotten daemon must not keep the owner's event loop alive
  child.unref();
  const running = (): boolean => end === undefined;
  const ended = (): Promise<string> => {
    child.ref();
    return exited;
  };
  return {
    name: options.name,
    pid: child.pid ?? 0,
    logFile: options.logFile,
    ended,
    running,
    signal: (name) => void child.kill(name),
    async stop(graceMs = 10_000) {
      if (running()) child.kill("SIGTERM");
      const timer = setTimeout(() => running() && child.kill("SIGKILL"), graceMs);
      await ended();
      clearTimeout(timer);
    },
  };
}

/**
 * Calls `ready` every 100 ms until it says true. Throws when the daemon ends first, after `timeoutMs`, or when `signal`
 * aborts; the error ends with the daemon's last lines.
 */
export async function untilReady(
  daemon: Daemon,
  ready: () => Promise<boolean>,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    if (!daemon.running()) throw await failure(daemon, `${daemon.name} ended while starting (${await daemon.ended()})`);
    if (await ready()) return;
    if (performance.now() > deadline) {
      throw await failure(daemon, `${daemon.name} was not ready within ${options.timeoutMs / 1000} s`);
    }
    await delay(100);
  }
}

async function failure(daemon: Daemon, what: string): Promise<Error> {
  const output = await readFile(daemon.logFile, "utf8").catch(() => "");
  return new Error(`${what}; see ${daemon.logFile}\n${lastLines(output, 20)}`);
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/** The path of a program, looked up as a shell would, or undefined. Debian keeps some programs outside a user's PATH. */
export function onPath(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}
