import { SourceError, type SourceFailure } from "../../source/source.ts";

/** What `state().sourceFailure` shows of an error that a source's call threw. */
export function sourceFailureOf(error: unknown): SourceFailure {
  if (error instanceof SourceError) return { code: error.code, message: error.message };
  return { code: "ProtocolError", message: error instanceof Error ? error.message : String(error) };
}
