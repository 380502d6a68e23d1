import type { Place } from "../../crds/validation/documents.ts";

/** Something in a file that must be mended, or that does not do what it seems to do. */
export interface Problem extends Place {
  readonly file: string;
  readonly severity: "error" | "warning";
  /** Stable: a kind of error such as `UnknownField`, or the id of a rule. */
  readonly code: string;
  /** Path of the field; empty where it is about the document. */
  readonly field: string;
  /** What is wrong and what to do. */
  readonly message: string;
}

/** As compilers write it: editors find the place. */
export function problemLine({ file, line, column, severity, field, message }: Problem): string {
  const grade = severity === "warning" ? "warning: " : "";
  return `${file}:${line}:${column}: ${grade}${field === "" ? "" : `${field}: `}${message}`;
}
