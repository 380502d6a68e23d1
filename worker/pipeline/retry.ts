/** How long to wait before the next attempt. */

export interface RetryDelays {
  /** Milliseconds. */
  readonly initialDelayMs: number;
  /** Milliseconds. */
  readonly maxDelayMs: number;
}

/** A message that cannot be delivered is tried again this slowly, in case somebody mended the cause. */
export const POISON_DELAYS: RetryDelays = { initialDelayMs: 5_000, maxDelayMs: 300_000 };

/** The ceiling of attempt 0, 1, 2, …: doubles from the initial to the maximal delay. */
export function exponential(delays: RetryDelays, attempt: number): number {
  return Math.min(delays.maxDelayMs, delays.initialDelayMs * 2 ** Math.min(attempt, 40));
}

/** Exponential back-off with full jitter: anywhere between 0 and the attempt's ceiling, milliseconds. */
export function fullJitter(delays: RetryDelays, attempt: number, random: () => number): number {
  return random() * exponential(delays, attempt);
}
