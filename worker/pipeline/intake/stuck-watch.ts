/** Looks for topic-partitions of which nothing moves, so that they do not take the memory of all others. */
import type { Timer } from "../../../runtime/clock.ts";
import type { Budget } from "../budget.ts";
import type { Counters } from "../counters.ts";
import type { Settings } from "../options.ts";
import type { Share } from "../share.ts";
import { STUCK_AFTER_MS } from "../shares.ts";

const LOOK_MS = 1_000;

export interface StuckWatchNeighbours {
  readonly budget: Budget;
  /** Requests that were not answered. */
  readonly inFlight: () => number;
  readonly giveBack: (share: Share) => void;
}

export class StuckWatch {
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #neighbours: StuckWatchNeighbours;
  #timer: Timer | null = null;
  #isClosed = false;
  /** As of the last look. */
  #delivered = 0;
  #requests = 0;
  /** `Clock.now()` of the last look before which a request had been sent. */
  #requestedAt = Number.NEGATIVE_INFINITY;

  constructor(settings: Settings, counters: Counters, neighbours: StuckWatchNeighbours) {
    this.#settings = settings;
    this.#counters = counters;
    this.#neighbours = neighbours;
  }

  /** Something was received. While nothing is held there is nothing to look for. */
  wake(): void {
    if (this.#timer === null && !this.#isClosed) this.#timer = this.#settings.clock.timer(LOOK_MS, () => this.#look());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #look(): void {
    const { clock, lingerMs } = this.#settings;
    const { budget, giveBack } = this.#neighbours;
    this.#timer = null;
    const now = clock.now();
    for (const share of budget.look(now, this.#stands(now), STUCK_AFTER_MS + lingerMs)) giveBack(share);
    if (budget.used > 0) this.wake();
  }

  /** The stream takes nothing at all, now or between two attempts: a topic-partition that does not move is no exception. */
  #stands(now: number): boolean {
    const { delivered, requests, sinkFailure } = this.#counters;
    const took = delivered !== this.#delivered;
    if (requests !== this.#requests) this.#requestedAt = now;
    this.#delivered = delivered;
    this.#requests = requests;
    if (took) return false;
    if (this.#neighbours.inFlight() > 0) return true;
    return sinkFailure !== null && now - this.#requestedAt <= this.#settings.retry.maxDelayMs + LOOK_MS;
  }
}
