import { createLogger } from "../../runtime/log.ts";
import { checkSink } from "../../worker/check.ts";
import type { Finding } from "../../worker/source/check.ts";
import { EXIT, type ExitCode, type Io, printLine } from "../io.ts";
import { readSink } from "../read-sink.ts";

export interface CheckCommandOptions {
  readonly file: string;
  readonly secrets: ReadonlyMap<string, string>;
  readonly output: "text" | "json";
  /** Milliseconds after which what has not answered is given up. */
  readonly timeoutMs: number;
}

const SIGNS = { good: "✓", bad: "✗", untried: "–" } as const;

/** `kinesis-sink check` */
export async function checkCommand(options: CheckCommandOptions, io: Io): Promise<ExitCode> {
  const manifest = await readSink(options.file, io);
  if (manifest === null) return EXIT.bad;
  const findings = await checkSink({
    manifest,
    secrets: options.secrets,
    environment: io.environment,
    log: createLogger({ program: "kinesis-sink", level: "error", stream: io.stderr }),
    signal: AbortSignal.timeout(options.timeoutMs),
  });
  if (options.output === "json") printLine(io, JSON.stringify({ findings }, null, 2));
  else for (const finding of findings) printLine(io, findingLine(finding));
  return findings.some(({ result }) => result === "bad") ? EXIT.bad : EXIT.good;
}

function findingLine({ subject, result, message }: Finding): string {
  return `${SIGNS[result]} ${subject}: ${message}`;
}
