import { PassThrough, Readable } from "node:stream";
import type { Io } from "../../cli/io.ts";
import { runCommandLine } from "../../cli/program.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. @param input standard input */
export async function commandLine(args: readonly string[], input = ""): Promise<Ran> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const io: Io = { stdin: Readable.from([input]), stdout, stderr, environment: {} };
  const code = await runCommandLine(args, io);
  return { code, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "") };
}
