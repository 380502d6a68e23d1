import { printable } from "../runtime/foreign-text.ts";

/** What the command line is to a command. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What files hold is others' text: nothing of it moves the cursor. */
export function printLine(io: Io, text: string): void {
  io.stdout.write(`${printable(text)}\n`);
}

export function warnLine(io: Io, text: string): void {
  io.stderr.write(`${printable(text)}\n`);
}

/** What commands end with, for scripts to tell apart. */
export const EXIT = {
  /** It is as it should be, or was done. */
  good: 0,
  /** Something that was looked at is wrong; what, is printed. */
  bad: 1,
  /** The command could not be followed: its arguments, a file, a cluster that does not answer. */
  usage: 2,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line cannot be followed; the message says what to give. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "Usage";
}
