/** How long to wait before the next attempt: the ceiling doubles, and the delay is drawn below it. */

export interface RetryDelays {
  /** Milliseconds. */
  readonly initialDelayMs: number;
  /** Milliseconds. */
  readonly maxDelayMs: number;
}

/** The ceiling of attempt 0, 1, 2, …, milliseconds: doubles from the initial to the maximal delay. */
export function exponential(delays: RetryDelays, attempt: number): number {
  return Math.min(delays.maxDelayMs, delays.initialDelayMs * 2 ** Math.min(attempt, 40));
}

/** Exponential back-off with full jitter: anywhere between 0 and the attempt's ceiling, milliseconds. */
export function fullJitter(delays: RetryDelays, attempt: number, random: () => number): number {
  return random() * exponential(delays, attempt);
}

/** The delays of one who counts no attempts. */
export interface Backoff {
  /** The next delay, milliseconds. */
  next(): number;
  reset(): void;
}

/**
 * Full jitter between `floor` (default 0) and the attempt's ceiling; a floor is for callers that must never retry at once.
 * No delay is above `max`. All in milliseconds.
 */
export function backoff(options: { initial: number; max: number; floor?: number; random?: () => number }): Backoff {
  const { initial, max, floor = 0, random = Math.random } = options;
  const delays: RetryDelays = { initialDelayMs: initial, maxDelayMs: max };
  let attempt = 0;
  return {
    next: () => {
      const above = Math.max(0, exponential(delays, attempt) - floor);
      attempt += 1;
      return Math.min(max, floor + random() * above);
    },
    reset: () => {
      attempt = 0;
    },
  };
}
