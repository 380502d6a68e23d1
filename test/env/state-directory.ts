import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAME = /^pulsar-kinesis-(\d+)-/;

/**
 * A fresh directory for one running part, named after its owner's process id. Directories of owners that are gone (killed
 * before they could clean up) are removed first.
 */
export async function stateDirectory(part: string): Promise<string> {
  const root = tmpdir();
  for (const name of await readdir(root)) {
    const owner = NAME.exec(name)?.[1];
    if (owner !== undefined && !alive(Number(owner))) {
      // an unmount by the kernel may still be under way; the next start tries again
      await rm(join(root, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
  return mkdtemp(join(root, `pulsar-kinesis-${process.pid}-${part}-`));
}

/** Whether a process with this id runs. One that ended, and whose parent has not asked how, does not. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
