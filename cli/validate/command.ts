import { KINESIS_SINKS } from "../../crds/resource.ts";
import { readFiles } from "../files.ts";
import { EXIT, type ExitCode, type Io, printLine, warnLine } from "../io.ts";
import { problemLine } from "./problem.ts";
import { type Examination, examine } from "./validate.ts";

export interface ValidateOptions {
  readonly files: readonly string[];
  readonly output: "text" | "json";
}

/** `kinesis-sink validate` */
export async function validateCommand({ files, output }: ValidateOptions, io: Io): Promise<ExitCode> {
  const examination = examine(await readFiles(files, io));
  const errors = examination.problems.filter(({ severity }) => severity === "error");
  if (output === "json") printJson(examination, io);
  else printText(examination, io);
  return errors.length === 0 ? EXIT.good : EXIT.bad;
}

function printJson({ sinks, problems }: Examination, io: Io): void {
  const valid = !problems.some(({ severity }) => severity === "error");
  printLine(io, JSON.stringify({ valid, sinks, problems }, null, 2));
}

function printText({ sinks, problems }: Examination, io: Io): void {
  for (const problem of problems) printLine(io, problemLine(problem));
  const good = sinks.filter(({ valid }) => valid);
  for (const { file, name } of good) printLine(io, `${file}: ${KINESIS_SINKS.kind} ${name} is valid`);
  const errors = problems.filter(({ severity }) => severity === "error").length;
  if (errors > 0) warnLine(io, `${errors} ${errors === 1 ? "problem" : "problems"}`);
}
