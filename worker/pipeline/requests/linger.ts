/**
 * Self-clocking: an idle sender sends at once, and a busy one waits a moment for other records, up to 10 ms, when records
 * become ready often enough for others to be likely. So idle latency is one round trip, and busy streams pay for few
 * requests.
 */

/** A request's longest wait for other records, and how often the rate at which they come is measured: milliseconds. */
const LONGEST_WAIT_MS = 10;

export interface Linger {
  /** Counts records that became ready to be sent. */
  arrived(count: number, now: number): void;
  /** Milliseconds to wait before `waiting` records are sent; 0: send now. */
  hold(waiting: number, full: number, inFlight: number, now: number): number;
  /** A batch left. */
  sent(): void;
}

export function createLinger(): Linger {
  return new RateLinger();
}

class RateLinger implements Linger {
  #windowStart = 0;
  #windowCount = 0;
  /** Records per millisecond. */
  #rate = 0;
  #heldSince: number | null = null;

  arrived(count: number, now: number): void {
    this.#roll(now);
    this.#windowCount += count;
  }

  hold(waiting: number, full: number, inFlight: number, now: number): number {
    if (waiting === 0 || waiting >= full || inFlight === 0) return 0;
    this.#roll(now);
    if (this.#rate * LONGEST_WAIT_MS < 1) return 0;
    this.#heldSince ??= now;
    return Math.max(0, this.#heldSince + LONGEST_WAIT_MS - now);
  }

  sent(): void {
    this.#heldSince = null;
  }

  #roll(now: number): void {
    const elapsed = now - this.#windowStart;
    if (elapsed < LONGEST_WAIT_MS) return;
    const current = this.#windowCount / elapsed;
    this.#rate = elapsed >= 4 * LONGEST_WAIT_MS ? current : (this.#rate + current) / 2;
    this.#windowStart = now;
    this.#windowCount = 0;
  }
}
