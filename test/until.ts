import { setTimeout as delay } from "node:timers/promises";

/** A wait that is over when what it waits for is there: a long one costs nothing but on a machine that needs it. */
export const PATIENCE_MS = 180_000;

export interface Wait {
  /** Default {@link PATIENCE_MS}. */
  readonly timeoutMs?: number;
  /** Between two looks. Default 500. */
  readonly pollMs?: number;
  /** What was seen last, for the message of the error. */
  readonly last?: () => string;
}

/**
 * Looks until something is found (neither null nor false). A look that throws has found nothing: what is asked may be out of
 * breath. @throws after the timeout, with the last error as its cause
 */
export async function until<T>(what: string, look: () => Promise<T | null | false>, wait: Wait = {}): Promise<T> {
  const { timeoutMs = PATIENCE_MS, pollMs = 500, last = () => "" } = wait;
  const end = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const found = await look();
      if (found !== null && found !== false) return found;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${what}\n${last()}`, { cause });
    await delay(pollMs);
  }
}
