/**
 * Self-clocking: an idle sender sends at once, and a busy one waits a moment for company, up to 10 ms, when records
 * become ready often enough for company to be likely. So idle latency is one round trip, and busy streams pay for few
 * requests.
 */

/** The longest wait for company, milliseconds. */
export const LINGER_MS = 10;

export interface Linger {
  /** Counts records that became ready to be sent. */
  arrived(count: number, now: number): void;
  /** Milliseconds to wait before `waiting` records are sent; 0: send now. */
  hold(waiting: number, full: number, inFlight: number, now: number): number;
  /** A batch left. */
  sent(): void;
}

export function createLinger(): Linger {
  let windowStart = 0;
  let windowCount = 0;
  /** Records per millisecond. */
  let rate = 0;
  let heldSince: number | null = null;
  const roll = (now: number): void => {
    const elapsed = now - windowStart;
    if (elapsed < LINGER_MS) return;
    const current = windowCount / elapsed;
    rate = elapsed >= 4 * LINGER_MS ? current : (rate + current) / 2;
    windowStart = now;
    windowCount = 0;
  };
  return {
    arrived: (count, now) => {
      roll(now);
      windowCount += count;
    },
    hold: (waiting, full, inFlight, now) => {
      if (waiting === 0 || waiting >= full || inFlight === 0) return 0;
      roll(now);
      if (rate * LINGER_MS < 1) return 0;
      heldSince ??= now;
      return Math.max(0, heldSince + LINGER_MS - now);
    },
    sent: () => {
      heldSince = null;
    },
  };
}
