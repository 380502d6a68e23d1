import type { KinesisSink } from "../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../crds/resource.ts";
import { parseManifest } from "../crds/validation/manifest.ts";
import { readFiles } from "./files.ts";
import { type Io, UsageError, warnLine } from "./io.ts";
import { problemLine } from "./validate/problem.ts";
import { examine } from "./validate/validate.ts";

/** The one KinesisSink of a file, valid; null after all that is wrong with it was told. @throws UsageError when there are several */
export async function readSink(name: string, io: Io): Promise<KinesisSink | null> {
  const files = await readFiles([name], io);
  const errors = examine(files).problems.filter(({ severity }) => severity === "error");
  for (const problem of errors) warnLine(io, problemLine(problem));
  if (errors.length > 0) return null;
  const [file] = files;
  const parsed = parseManifest(file?.text ?? "");
  if (parsed.ok && files.length === 1) return parsed.value;
  const message = parsed.ok ? `is a folder or a pattern: name one file` : (parsed.errors[0]?.message ?? "");
  throw new UsageError(`${name}: ${message}: this command is about one ${KINESIS_SINKS.kind}`);
}
