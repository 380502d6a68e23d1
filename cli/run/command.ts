import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { ignoredProperties } from "../../crds/validation/ignored-properties.ts";
import { systemClock } from "../../runtime/clock.ts";
import { onTermination } from "../../runtime/shutdown.ts";
import { runLocally } from "../../worker/local.ts";
import { createTerminalReport } from "../../worker/report/terminal.ts";
import { EXIT, type ExitCode, type Io, printLine, UsageError } from "../io.ts";
import { readSink } from "../read-sink.ts";
import { announcement } from "./announcement.ts";

export interface RunOptions {
  readonly file: string;
  readonly secrets: ReadonlyMap<string, string>;
  readonly httpPort: number | null;
  /** Nobody is to be asked. */
  readonly yes: boolean;
}

/** `kinesis-sink run` */
export async function runCommand(options: RunOptions, io: Io): Promise<ExitCode> {
  const sink = await readSink(options.file, io);
  if (sink === null) return EXIT.bad;
  for (const line of announcement(sink)) printLine(io, line);
  if (!options.yes && !(await agreement(io))) {
    printLine(io, "Nothing was moved.");
    return EXIT.bad;
  }
  const report = createTerminalReport(io.stdout, io.stderr, ignoredProperties(sink), systemClock);
  const code = await runLocally({
    manifest: sink,
    secrets: options.secrets,
    httpPort: options.httpPort,
    environment: io.environment,
    log: report.log,
    onReport: (entry, facts) => report.show(entry, facts),
    termination: onTermination(),
  });
  return code === 0 ? EXIT.good : EXIT.bad;
}

/** Whether somebody at the terminal agrees. @throws UsageError where there is none */
export async function agreement(io: Io): Promise<boolean> {
  if (!io.stdin.isTTY) throw new UsageError("nobody can be asked here: agree with --yes");
  const lines = createInterface({ input: io.stdin, output: io.stdout });
  try {
    // Ctrl-C and Ctrl-D close it, and answer nothing.
    const unanswered = once(lines, "close").then(() => "");
    return /^y(es)?$/i.test((await Promise.race([lines.question("Go on? [y/N] "), unanswered])).trim());
  } finally {
    lines.close();
  }
}
