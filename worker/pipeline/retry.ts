/** How long a record rests before it is written again. */
import type { RetryDelays } from "../../runtime/backoff.ts";
import type { SinkFailure } from "../sink/sink.ts";

/** A message that cannot be delivered is tried again this slowly, in case somebody mended the cause. */
export const POISON_DELAYS: RetryDelays = { initialDelayMs: 5_000, maxDelayMs: 300_000 };

/** After a failure that somebody has to mend: the circuit breaker decides how often the stream is asked. */
const NOT_READY_REST_MS = 1_000;

/**
 * How long a record rests after a failure, milliseconds.
 * @param backOff of its attempt
 * @param ambiguousMs at least this long when it may still be executed
 */
export function restMs(failure: SinkFailure, backOff: number, ambiguousMs: number): number {
  if (failure.ambiguous) return Math.max(backOff, ambiguousMs);
  return failure.class === "notReady" ? NOT_READY_REST_MS : backOff;
}
