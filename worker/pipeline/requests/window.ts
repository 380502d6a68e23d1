/**
 * How many records may be on their way at once: one full request at first, more with every answer, fewer when requests
 * expire. An endpoint that is slower than what is offered would else let every request wait its whole time, execute it
 * all the same, and be sent it again for ever.
 */

/** A request that expired halves the window. */
const DECREASE = 0.5;

/**
 * An answer in good time grows the window by this part of the records it speaks of, and by one record at least. Before
 * anything expired the window doubles in a round.
 */
const INCREASE = 1 / 8;

/** An answer counts as in good time within this part of the time after which the last request expired. */
const GOOD_TIME = 0.5;

export interface Window {
  /** Records that may be sent now; at least 1 when none is on its way. */
  room(inFlight: number): number;
  /** @param records of the request */
  answered(records: number, sentAt: number, now: number): void;
  /**
   * Requests sent before the last decrease say nothing new, so that requests expiring together halve the window once.
   * @param inFlight records on their way, this request's included
   */
  expired(inFlight: number, sentAt: number, now: number): void;
}

/**
 * @param first records of one full request, and one record at least for each request
 * @param most records of all requests together
 */
export function createWindow(first: number, most: number): Window {
  return new AdaptiveWindow(first, most);
}

class AdaptiveWindow implements Window {
  readonly #most: number;
  #size: number;
  #increase = 1;
  #shrunkAt = Number.NEGATIVE_INFINITY;
  #goodMs = Number.POSITIVE_INFINITY;

  constructor(first: number, most: number) {
    this.#most = most;
    this.#size = first;
  }

  room(inFlight: number): number {
    return Math.floor(this.#size) - inFlight;
  }

  answered(records: number, sentAt: number, now: number): void {
    if (this.#size >= this.#most) return;
    // Near the limit by one record a round, to stay below it for long.
    const growth = now - sentAt <= this.#goodMs ? Math.max(1, records * this.#increase) : records / this.#size;
    this.#size = Math.min(this.#most, this.#size + growth);
  }

  expired(inFlight: number, sentAt: number, now: number): void {
    if (sentAt < this.#shrunkAt) return;
    this.#shrunkAt = now;
    this.#increase = INCREASE;
    this.#goodMs = (now - sentAt) * GOOD_TIME;
    this.#size = Math.max(1, Math.min(this.#size, inFlight) * DECREASE);
  }
}
