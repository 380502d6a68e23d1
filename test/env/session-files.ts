import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** What a running environment tells the commands that come after. */
export interface Session {
  /** The process that holds the environment. */
  readonly pid: number;
  /** Environment variables that point a shell, tests or a demo at it. */
  readonly variables: Readonly<Record<string, string>>;
  /** Folders with kubectl and helm. */
  readonly path: readonly string[];
  /** Log files and folders by part. */
  readonly logs: Readonly<Record<string, string>>;
}

export interface SessionFiles {
  readonly directory: string;
  readonly session: string;
  /** Progress of the process that holds the environment. */
  readonly progress: string;
  /** The process id of the process that holds the environment, written before it starts anything. */
  readonly pid: string;
}

/** The files of the environment recorded in `directory`; by default one per checkout and user. */
export async function sessionFiles(directory: string | undefined): Promise<SessionFiles> {
  const checkout = resolve(import.meta.dirname, "../..");
  const name = createHash("sha256").update(checkout).digest("hex").slice(0, 8);
  const root = resolve(directory ?? join(tmpdir(), `pulsar-kinesis-session-${process.getuid?.() ?? 0}-${name}`));
  await mkdir(root, { recursive: true, mode: 0o700 });
  return {
    directory: root,
    session: join(root, "session.json"),
    progress: join(root, "progress.log"),
    pid: join(root, "pid"),
  };
}

export async function readSession(files: SessionFiles): Promise<Session | undefined> {
  try {
    const session: Session = JSON.parse(await readFile(files.session, "utf8"));
    return session;
  } catch {
    return undefined;
  }
}

export async function writeSession(files: SessionFiles, session: Session): Promise<void> {
  await writeFile(`${files.session}.new`, JSON.stringify(session, undefined, 2), { mode: 0o600 });
  await rename(`${files.session}.new`, files.session);
}

/** Lines that a shell evaluates. */
export function exportLines(session: Session): string {
  const variables = Object.entries(session.variables).map(([name, value]) => `export ${name}='${value}'\n`);
  return `${variables.join("")}export PATH='${session.path.join(":")}':"$PATH"\n`;
}
