import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { exportLines, readSession, type Session, type SessionFiles, sessionFiles } from "./session-files.ts";
import { alive } from "./state-directory.ts";

const DOWN_TIMEOUT_MS = 60_000;
const NOTHING_RUNS = 3;

/** Starts an environment in the background, waits until it is usable, and prints what a shell evaluates. */
export async function up(state: string | undefined, options: { readonly metrics: boolean }): Promise<number> {
  const files = await sessionFiles(state);
  let holder = await holderOf(files);
  if (holder === undefined) holder = await startHolder(files, options.metrics);
  const interrupt = (): void => {
    process.stderr.write("interrupted: ending what was started\n");
    if (holder !== undefined && alive(holder)) process.kill(holder, "SIGTERM");
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  let shown = 0;
  const show = async (): Promise<void> => {
    const text = await readFile(files.progress, "utf8").catch(() => "");
    process.stderr.write(text.slice(shown));
    shown = text.length;
  };
  for (;;) {
    const running = alive(holder);
    await show();
    const session = await readSession(files);
    if (running && session?.pid === holder) {
      process.stdout.write(exportLines(session));
      return 0;
    }
    if (!running) {
      process.stderr.write("the environment did not start; nothing of it is left\n");
      await forget(files);
      return 1;
    }
    await delay(200);
  }
}

async function startHolder(files: SessionFiles, metrics: boolean): Promise<number> {
  await forget(files);
  const log = await open(files.progress, "w", 0o600);
  try {
    const main = join(import.meta.dirname, "main.ts");
    const args = [main, "serve", "--state", files.directory, ...(metrics ? ["--metrics"] : [])];
    const child = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "ignore", log.fd] });
    child.unref();
    if (child.pid === undefined) throw new Error(`could not start ${process.execPath}`);
    await writeFile(files.pid, String(child.pid));
    return child.pid;
  } finally {
    await log.close();
  }
}

/** Ends the environment; returns when nothing of it is left. */
export async function down(state: string | undefined): Promise<number> {
  const files = await sessionFiles(state);
  const holder = await holderOf(files);
  if (holder !== undefined) {
    process.kill(holder, "SIGTERM");
    const deadline = performance.now() + DOWN_TIMEOUT_MS;
    while (alive(holder)) {
      if (performance.now() > deadline) {
        process.stderr.write(`process ${holder} did not end within ${DOWN_TIMEOUT_MS / 1000} s; killing it\n`);
        process.kill(holder, "SIGKILL");
      }
      await delay(100);
    }
  }
  await forget(files);
  return 0;
}

export async function status(state: string | undefined): Promise<number> {
  const files = await sessionFiles(state);
  const holder = await holderOf(files);
  const session = await readSession(files);
  if (holder === undefined) {
    process.stdout.write("no environment runs\n");
    return NOTHING_RUNS;
  }
  process.stdout.write(session === undefined ? `starting (process ${holder})\n` : `up (process ${holder})\n`);
  if (session !== undefined) process.stdout.write(exportLines(session));
  return 0;
}

/** Prints logs: of one part, of one component of Kubernetes, or all. */
export async function logs(state: string | undefined, part: string | undefined): Promise<number> {
  const files = await sessionFiles(state);
  const session = await readSession(files);
  if (session === undefined) {
    process.stdout.write(await readFile(files.progress, "utf8").catch(() => "no environment runs\n"));
    return NOTHING_RUNS;
  }
  const chosen = await logFiles(session, part);
  if (chosen.length === 0) {
    process.stderr.write(
      `no such part: ${part}. Parts: ${Object.keys(session.logs).join(", ")}, or a component: kubelet\n`,
    );
    return 2;
  }
  for (const file of chosen) process.stdout.write(`==> ${basename(file)} <==\n${await readFile(file, "utf8")}\n`);
  return 0;
}

async function logFiles(session: Session, part: string | undefined): Promise<string[]> {
  const files: string[] = [];
  for (const [name, location] of Object.entries(session.logs)) {
    const folder = (await stat(location)).isDirectory();
    if (part === undefined || part === name) files.push(...(folder ? await logsIn(location) : [location]));
    else if (folder && existsSync(join(location, `${part}.log`))) files.push(join(location, `${part}.log`));
  }
  return files;
}

async function logsIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".log")).map((name) => join(folder, name));
}

/** The living process that holds the environment. A process id that was given to another program is not taken for it. */
async function holderOf(files: SessionFiles): Promise<number | undefined> {
  const pid = Number(await readFile(files.pid, "utf8").catch(() => "0"));
  if (!(pid > 0) || !alive(pid)) return undefined;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return command.includes(files.directory) ? pid : undefined;
}

async function forget(files: SessionFiles): Promise<void> {
  await Promise.all([rm(files.session, { force: true }), rm(files.pid, { force: true })]);
}
