export interface Backoff {
  /** The next delay, milliseconds. */
  next(): number;
  reset(): void;
}

/**
 * Exponential back-off with full jitter: a random delay between 0 and `initial` × 2ⁿ, which never passes `max`.
 * `floor` (default 0) is added below the jitter, for callers that must never retry at once.
 */
export function backoff(options: { initial: number; max: number; floor?: number; random?: () => number }): Backoff {
  const { initial, max, floor = 0, random = Math.random } = options;
  let attempt = 0;
  return {
    next: () => {
      const ceiling = Math.min(max, initial * 2 ** attempt);
      if (ceiling < max) attempt += 1;
      return Math.min(max, floor + random() * Math.max(0, ceiling - floor));
    },
    reset: () => {
      attempt = 0;
    },
  };
}
