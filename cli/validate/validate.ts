import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { type ManifestDocument, readDocuments } from "../../crds/validation/documents.ts";
import type { FieldError } from "../../crds/validation/field-error.ts";
import { ignoredProperties } from "../../crds/validation/ignored-properties.ts";
import { noKinesisSink } from "../../crds/validation/manifest.ts";
import { unsupportedFields } from "../../crds/validation/unsupported.ts";
import { validateKinesisSink } from "../../crds/validation/validate.ts";
import { CONNECTORS, type DocumentKind, documentKind, flattened } from "../documents.ts";
import type { InputFile } from "../files.ts";
import type { Problem } from "./problem.ts";

/** A KinesisSink that was looked at. */
export interface ExaminedSink {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly valid: boolean;
}

export interface Examination {
  readonly sinks: readonly ExaminedSink[];
  /** In the order of files and lines. */
  readonly problems: readonly Problem[];
}

/** Holds every KinesisSink of the files to schema and rules, offline, and tells everything that is wrong. */
export function examine(files: readonly InputFile[]): Examination {
  const found = files.map(examineFile);
  const sinks = found.flatMap((one) => one.sinks);
  const problems = found.flatMap((one) => one.problems);
  // Among many files those with other objects alone are nothing to complain about, but for empty ones.
  const nothing = sinks.length === 0 && problems.length === 0;
  const missing = found.filter(({ empty }) => nothing || empty).flatMap((one) => one.withoutSink);
  return { sinks, problems: [...problems, ...missing].toSorted(byPlace(files)) };
}

interface FileExamination extends Examination {
  readonly empty: boolean;
  /** What is said when there is no KinesisSink. */
  readonly withoutSink: readonly Problem[];
}

function examineFile(file: InputFile): FileExamination {
  const { name, text } = file;
  const read = readDocuments(text);
  if (!read.ok) {
    const problems = read.errors.map((error) =>
      problem(name, error, { code: "NotYaml", field: "", message: `is not YAML: ${error.message}` }),
    );
    return { sinks: [], problems, empty: false, withoutSink: [] };
  }
  const documents = flattened(read.documents);
  const sinks: ExaminedSink[] = [];
  const problems: Problem[] = [];
  for (const document of documents) {
    const kind = documentKind(document);
    if (CONNECTORS.has(kind)) problems.push(connectorProblem(name, document, kind));
    if (kind !== "KinesisSink") continue;
    const found = examineSink(name, document);
    problems.push(...found);
    sinks.push(examined(name, document, !found.some(({ severity }) => severity === "error")));
  }
  const nothing: FieldError = { code: "NoKinesisSink", field: "", message: noKinesisSink(documents) };
  const empty = documents.length === 0;
  return { sinks, problems, empty, withoutSink: [problem(name, { line: 1, column: 1 }, nothing)] };
}

function examineSink(file: string, document: ManifestDocument): Problem[] {
  const result = validateKinesisSink(document.value);
  if (!result.ok) return result.errors.map((error) => problem(file, placeOf(document, error), error));
  const sink: KinesisSink = result.value;
  const errors = unsupportedFields(sink).map((error) => problem(file, placeOf(document, error), error));
  const warnings = warningsOf(sink).map(
    (warning): Problem => ({ ...problem(file, placeOf(document, warning), warning), severity: "warning" }),
  );
  return [...errors, ...warnings];
}

/** What is valid and yet hardly meant. */
function warningsOf(sink: KinesisSink): FieldError[] {
  const idle = ignoredProperties(sink).map((field) => ({
    code: "NoEffect",
    field,
    message: "has no effect: remove it",
  }));
  const { serviceUrl } = sink.spec.pulsar;
  const plain = /^pulsar:\/\/.*:6651(\D|$)/.test(serviceUrl);
  return plain
    ? [
        ...idle,
        {
          code: "PlainTlsPort",
          field: "spec.pulsar.serviceUrl",
          message: "names port 6651, which is for TLS as a rule: pulsar+ssl:// was probably meant",
        },
      ]
    : idle;
}

function connectorProblem(file: string, document: ManifestDocument, kind: DocumentKind): Problem {
  const command = `kinesis-sink convert ${file}`;
  const message = `is a ${kind}, not a ${KINESIS_SINKS.kind}: make one of it with "${command}"`;
  return problem(file, document.place(""), { code: "Connector", field: "", message });
}

function examined(file: string, document: ManifestDocument, valid: boolean): ExaminedSink {
  const metadata = (document.value as { readonly metadata?: { readonly name?: unknown } | null } | null)?.metadata;
  const name = metadata?.name;
  return { file, line: document.place("").line, name: typeof name === "string" ? name : "", valid };
}

/** An unknown field is found by its name, anything else by its value. */
function placeOf(document: ManifestDocument, { field, code }: FieldError) {
  return document.place(field === "(root)" ? "" : field, code === "UnknownField" ? "name" : "value");
}

function problem(file: string, at: { line: number; column: number }, error: FieldError): Problem {
  const { code, field, message } = error;
  const { line, column } = at;
  return { file, line, column, severity: "error", code, field: field === "(root)" ? "" : field, message };
}

function byPlace(files: readonly InputFile[]) {
  const order = new Map(files.map(({ name }, index) => [name, index]));
  const rank = ({ file }: Problem): number => order.get(file) ?? 0;
  return (a: Problem, b: Problem): number => rank(a) - rank(b) || a.line - b.line || a.column - b.column;
}
