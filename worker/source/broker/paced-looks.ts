import type { Clock } from "../../../runtime/clock.ts";

/** A broker reads a schema from its bookies. */
const AT_ONCE = 8;
/** 50 a second. */
const EVERY_MS = 20;

/** Runs requests that nobody needs at once, so many at a time and a second. */
export interface PacedLooks {
  /** @param first ahead of those that are not waited for. Resolves when `look`, which does not reject, is over. */
  add(look: () => Promise<void>, first: boolean): Promise<void>;
}

/** After `signal` aborts nothing is begun any more. */
export function createPacedLooks(clock: Clock, signal: AbortSignal): PacedLooks {
  return new LookQueue(clock, signal);
}

class LookQueue implements PacedLooks {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #urgent: (() => Promise<void>)[] = [];
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = 0;
  #nextAt = Number.NEGATIVE_INFINITY;
  #timed = false;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  add(look: () => Promise<void>, first: boolean): Promise<void> {
    return new Promise((resolve) => {
      (first ? this.#urgent : this.#waiting).push(() => look().then(resolve));
      this.#next();
    });
  }

  #next(): void {
    if (this.#timed || this.#running === AT_ONCE || this.#signal.aborted) return;
    const now = this.#clock.now();
    if (now < this.#nextAt) {
      this.#timed = true;
      this.#clock.timer(this.#nextAt - now, () => {
        this.#timed = false;
        this.#next();
      });
      return;
    }
    const look = this.#urgent.shift() ?? this.#waiting.shift();
    if (look === undefined) return;
    this.#nextAt = now + EVERY_MS;
    this.#running += 1;
    void look().then(() => {
      this.#running -= 1;
      this.#next();
    });
    this.#next();
  }
}
