import type { Clock, Timer } from "../../../runtime/clock.ts";
import { LEASE_MS } from "../source.ts";
import { createReceiveRate } from "./receive-rate.ts";

const PING_INTERVAL_MS = 1_000;
/** A broker that is silent for this long is dead: it answers pings. */
export const SILENCE_MS = 10_000;
/** A timer that fires this late tells of a long turn of this process, not of a silent broker. */
const LATE_MS = 1_000;
/** A lease is prolonged by answers, which wait no longer than for half of it, though half as fast is received as before. */
const ANSWER_WITHIN_MS = LEASE_MS / 4;
/** A broker that reads nothing is asked no more often. */
const MOST_UNANSWERED = 16;

/** Asks a peer for signs of life, and knows what its answers tell. */
export interface KeepAlive {
  /** `Clock.now()` at which the last question was sent that has been answered since. */
  readonly answeredAt: number;
  /** Bytes that may be on their way to this side without an answer behind them coming too late for a lease. */
  readonly receivable: number;
  start(): void;
  /** So many bytes came. */
  heard(bytes: number): void;
  /** The answer to the oldest ping that has none: they are answered in their order. */
  onPong(): void;
  /** Another question, sent at this `Clock.now()`, was answered. */
  answered(sentAt: number): void;
  end(): void;
}

export interface KeepAliveOptions {
  readonly clock: Clock;
  readonly ping: () => void;
  /** Called once; nothing is asked after it. */
  readonly onSilent: () => void;
}

export function createKeepAlive(options: KeepAliveOptions): KeepAlive {
  return new Pings(options);
}

class Pings implements KeepAlive {
  readonly #rate = createReceiveRate();
  readonly #options: KeepAliveOptions;
  /** `Clock.now()` of the last bytes received. */
  #heardAt: number;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** When pings were sent that have no answer, oldest first. */
  readonly #unanswered: number[] = [];
  #timer: Timer | null = null;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
  }

  get answeredAt(): number {
    return this.#answeredAt;
  }

  get receivable(): number {
    return this.#rate.within(ANSWER_WITHIN_MS);
  }

  start(): void {
    this.#check(this.#options.clock.now());
  }

  heard(bytes: number): void {
    this.#heardAt = this.#options.clock.now();
    this.#rate.received(bytes);
  }

  onPong(): void {
    const sentAt = this.#unanswered.shift();
    if (sentAt === undefined) return;
    this.#rate.answered(this.#options.clock.now());
    this.answered(sentAt);
  }

  answered(sentAt: number): void {
    this.#answeredAt = Math.max(this.#answeredAt, sentAt);
  }

  end(): void {
    this.#timer?.cancel();
  }

  #check(expectedAt: number): void {
    const { clock, ping, onSilent } = this.#options;
    const now = clock.now();
    if (isSilent(this.#heardAt, now, expectedAt)) {
      onSilent();
      return;
    }
    if (this.#unanswered.length < MOST_UNANSWERED) {
      this.#unanswered.push(now);
      this.#rate.asked(now);
      ping();
    }
    this.#timer = clock.timer(PING_INTERVAL_MS, () => this.#check(now + PING_INTERVAL_MS));
  }
}

/** Times of `Clock.now()`; `expectedAt` is when this look was due. */
function isSilent(heardAt: number, now: number, expectedAt: number): boolean {
  return now - heardAt > SILENCE_MS && now - expectedAt < LATE_MS;
}
