/**
 * How many records may be on their way at once: one full request at first, more with every answer, fewer when requests
 * expire. An endpoint that is slower than what is offered would else let every request wait its whole time, execute it
 * all the same, and be sent it again for ever.
 */

/** A request that expired halves the window. */
const DECREASE = 0.5;

/**
 * An answer in good time grows the window by this share of the records it speaks of, and by one record at least. Before
 * anything expired the window doubles in a round.
 */
const INCREASE = 1 / 8;

/** An answer counts as in good time within this share of the time after which the last request expired. */
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
  let size = first;
  let increase = 1;
  let shrunkAt = Number.NEGATIVE_INFINITY;
  let goodMs = Number.POSITIVE_INFINITY;
  return {
    room: (inFlight) => Math.floor(size) - inFlight,
    answered: (records, sentAt, now) => {
      if (size >= most) return;
      // Near the limit by one record a round, to stay below it for long.
      const growth = now - sentAt <= goodMs ? Math.max(1, records * increase) : records / size;
      size = Math.min(most, size + growth);
    },
    expired: (inFlight, sentAt, now) => {
      if (sentAt < shrunkAt) return;
      shrunkAt = now;
      increase = INCREASE;
      goodMs = (now - sentAt) * GOOD_TIME;
      size = Math.max(1, Math.min(size, inFlight) * DECREASE);
    },
  };
}
