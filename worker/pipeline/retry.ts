/** How long to wait before the next attempt. */
import type { SinkFailure } from "../sink/sink.ts";

export interface RetryDelays {
  /** Milliseconds. */
  readonly initialDelayMs: number;
  /** Milliseconds. */
  readonly maxDelayMs: number;
}

/** A message that cannot be delivered is tried again this slowly, in case somebody mended the cause. */
export const POISON_DELAYS: RetryDelays = { initialDelayMs: 5_000, maxDelayMs: 300_000 };

/** How long a record rests after a failure that somebody has to mend; the gate decides how often the stream is asked. */
const NOT_READY_REST_MS = 1_000;

/** The ceiling of attempt 0, 1, 2, …: doubles from the initial to the maximal delay. */
export function exponential(delays: RetryDelays, attempt: number): number {
  return Math.min(delays.maxDelayMs, delays.initialDelayMs * 2 ** Math.min(attempt, 40));
}

/** Exponential back-off with full jitter: anywhere between 0 and the attempt's ceiling, milliseconds. */
export function fullJitter(delays: RetryDelays, attempt: number, random: () => number): number {
  return random() * exponential(delays, attempt);
}

/**
 * How long a record rests after a failure, milliseconds.
 * @param backOff of its attempt
 * @param ambiguousMs at least this long when it may still be executed
 */
export function restMs(failure: SinkFailure, backOff: number, ambiguousMs: number): number {
  if (failure.ambiguous) return Math.max(backOff, ambiguousMs);
  return failure.class === "notReady" ? NOT_READY_REST_MS : backOff;
}
