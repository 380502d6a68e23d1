import { open } from "node:fs/promises";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { type ManifestDocument, readDocuments } from "../../crds/validation/documents.ts";
import { CONNECTORS, documentKind, flattened } from "../documents.ts";
import { readFiles } from "../files.ts";
import { EXIT, type ExitCode, type Io, printLine, UsageError, warnLine } from "../io.ts";
import { problemLine } from "../validate/problem.ts";
import { type Conversion, convertDocuments } from "./convert.ts";
import { secretManifests, secretYaml, sinkYaml } from "./write.ts";

export interface ConvertOptions {
  readonly files: readonly string[];
  readonly output: "yaml" | "json";
  readonly serviceUrl: string | undefined;
  readonly adminUrl: string | undefined;
  /** Print credentials, too. */
  readonly showSecrets: boolean;
  /** Where Secrets with the credentials go. */
  readonly secretsFile: string | undefined;
}

/** `kinesis-sink convert` */
export async function convertCommand(options: ConvertOptions, io: Io): Promise<ExitCode> {
  const files = await readFiles(options.files, io);
  const documents: ManifestDocument[] = [];
  for (const { name, text } of files) {
    const read = readDocuments(text);
    if (read.ok) {
      documents.push(...flattened(read.documents));
      continue;
    }
    const { line, column, message } = read.errors[0] ?? { line: 1, column: 1, message: "" };
    const problem = { file: name, line, column, severity: "error", code: "NotYaml", field: "" } as const;
    warnLine(io, problemLine({ ...problem, message: `is not YAML: ${message}` }));
    return EXIT.bad;
  }
  const conversions = convertDocuments(documents, options);
  if (conversions.length === 0) {
    warnLine(io, nothingToConvert(documents));
    return EXIT.bad;
  }
  // First, so that nothing refers to Secrets that could not be written.
  if (options.secretsFile !== undefined) await writeSecrets(options.secretsFile, conversions);
  print(conversions, options, io);
  return report(conversions, io);
}

function nothingToConvert(documents: readonly ManifestDocument[]): string {
  const already = documents.some((document) => documentKind(document) === KINESIS_SINKS.kind);
  const found = already ? `a ${KINESIS_SINKS.kind} already` : "none of them";
  return `there is nothing to convert: give ${[...CONNECTORS].map((kind) => `a ${kind}`).join(", ")}. This is ${found}.`;
}

function print(conversions: readonly Conversion[], options: ConvertOptions, io: Io): void {
  const shown = options.showSecrets;
  // Those in a file are complete: printed ones would overwrite them.
  const secrets = (one: Conversion) => (options.secretsFile === undefined ? secretManifests(one, shown) : []);
  if (options.output === "json") {
    const items = conversions.flatMap((one) => [one.sink, ...secrets(one)]);
    printLine(io, JSON.stringify({ apiVersion: "v1", kind: "List", items }, null, 2));
    for (const { from, notes } of conversions) for (const note of notes) warnLine(io, `${from}: ${note}`);
    return;
  }
  const texts = conversions.flatMap((one) => [
    sinkYaml(one),
    ...secrets(one).map((secret) => secretYaml(secret, shown)),
  ]);
  printLine(io, texts.join("---\n").trimEnd());
}

async function writeSecrets(file: string, conversions: readonly Conversion[]): Promise<void> {
  const secrets = conversions.flatMap((one) => secretManifests(one, true));
  if (secrets.length === 0) return;
  const text = secrets.map((secret) => secretYaml(secret, true)).join("---\n");
  try {
    // Never over something that is there, and for nobody else to read.
    await using handle = await open(file, "wx", 0o600);
    await handle.writeFile(text);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new UsageError(code === "EEXIST" ? `${file} exists: name a new file` : `cannot write ${file}: ${code}`);
  }
}

function report(conversions: readonly Conversion[], io: Io): ExitCode {
  for (const { sink, errors } of conversions) {
    for (const { field, message } of errors) warnLine(io, `${sink.metadata.name}: ${field}: ${message}`);
  }
  return conversions.every(({ errors }) => errors.length === 0) ? EXIT.good : EXIT.bad;
}
