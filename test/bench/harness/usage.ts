/** What processes use, as the kernel counts it (Linux). */
import { readdir, readFile } from "node:fs/promises";

/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

export interface Usage {
  /** User and system time of all threads since the processes began, microseconds. */
  readonly cpu: number;
  /** Milliseconds, of `performance.now()`. */
  readonly at: number;
}

/**
 * Of a process and its living descendants: a Java sink has a native child.
 * @throws when the process is gone
 */
export async function usageOf(pid: number): Promise<Usage> {
  return { cpu: await sumOfTree(pid, cpuOf), at: performance.now() };
}

/** Resident sets of a process and its descendants now, MiB. */
export async function residentMiB(pid: number): Promise<number> {
  return await sumOfTree(pid, residentOf);
}

async function sumOfTree(pid: number, of: (pid: number) => Promise<number>): Promise<number> {
  const [, ...descendants] = await treeOf(pid);
  // a descendant may end meanwhile
  const figures = await Promise.all([of(pid), ...descendants.map((each) => of(each).catch(() => 0))]);
  return figures.reduce((sum, figure) => sum + figure, 0);
}

/** A process and its living descendants. */
export async function treeOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = threads.map((id) => readFile(`/proc/${pid}/task/${id}/children`, "utf8").catch(() => ""));
  const children = (await Promise.all(lists)).flatMap((list) => list.split(" ").filter(Boolean).map(Number));
  return [pid, ...(await Promise.all(children.map(treeOf))).flat()];
}

async function cpuOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  // The second field, the name, may hold blanks: utime and stime are the 14th and 15th (proc_pid_stat(5)).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
}

async function residentOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024;
}
