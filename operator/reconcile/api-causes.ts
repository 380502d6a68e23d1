import type { OperatorReason } from "../../crds/reasons.ts";
import { ApiError, isConflict, isForbidden, isInvalid, isTooManyRequests } from "../../runtime/kube/errors.ts";
import type { Cause } from "../status/observed.ts";

/** An answer that the same request will get again until somebody changes something: the sink is not to run like this. */
export function refusedCause(kind: string, error: unknown): Cause | undefined {
  if (!(error instanceof ApiError) || !(isForbidden(error) || isInvalid(error))) return undefined;
  if (error.message.includes("because it is being terminated")) {
    return {
      reason: "NamespaceTerminating" satisfies OperatorReason,
      message: "the namespace is being deleted",
      stalls: false,
    };
  }
  const reason = isForbidden(error) ? "ApplyForbidden" : "ApplyInvalid";
  return { reason, message: `${kind} was refused by the API server: ${error.message}`, stalls: true };
}

/**
 * An answer that the sink can do nothing about, for example that a webhook cannot be called. None for a conflict, as a race
 * is over when the watch has caught up, nor when no answer came or the server has too much to do, as then no status can be
 * written either.
 */
export function failedCause(error: unknown): Cause | undefined {
  if (!(error instanceof ApiError) || isConflict(error) || isTooManyRequests(error)) return undefined;
  const message = `the sink's objects cannot be brought up to date: ${error.message}; it is tried again`;
  return { reason: "ApplyFailed" satisfies OperatorReason, message, stalls: false };
}
