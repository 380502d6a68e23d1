/**
 * Keeps a stream that takes nothing from being hammered: after requests that failed as a whole, one request at a time
 * probes it, with a growing delay, until one gets through.
 */

import { exponential, fullJitter, type RetryDelays } from "../../../runtime/backoff.ts";
import type { SinkFailure } from "../../sink/sink.ts";

/** Failed requests in a row, none accepted in between, after which the stream counts as down. */
const FAILURES_IN_A_ROW = 3;

/** Permissions and streams are mended by people: no sooner than 1 s, and no later than 15 s after the mending. */
const NOT_READY_DELAYS: RetryDelays = { initialDelayMs: 1_000, maxDelayMs: 15_000 };

/** One request in so many milliseconds is no burden, and a stream that is back should not wait longer for its probe. */
const PROBE_CEILING_MS = 5_000;

export interface CircuitBreaker {
  /**
   * The stream counts as down: the breaker alone decides how often it is asked, and records need not wait longer each
   * time.
   */
  readonly isOpen: boolean;
  /** Milliseconds until the next request may go; Infinity while a probe is out. */
  wait(now: number, inFlight: number): number;
  /**
   * A request failed as a whole, or every record of it did because the stream is not ready. The delay grows with each
   * probe that fails, not with the requests that were on their way before: many of these fail together.
   */
  failed(failure: SinkFailure, sentAt: number, now: number): void;
  /** At least one record was accepted. */
  passed(): void;
}

export function createCircuitBreaker(delays: RetryDelays, random: () => number): CircuitBreaker {
  return new ProbingBreaker(delays, random);
}

/** Times are of `Clock.now()`. */
interface Outage {
  /** Requests sent before say nothing new. */
  readonly trippedAt: number;
  readonly probeAt: number;
  /** Failed so far, the request that tripped the breaker included. */
  readonly probes: number;
}

class ProbingBreaker implements CircuitBreaker {
  readonly #probeDelays: RetryDelays;
  readonly #random: () => number;
  /** In a row. */
  #failures = 0;
  #outage: Outage | null = null;

  constructor(delays: RetryDelays, random: () => number) {
    this.#probeDelays = { ...delays, maxDelayMs: Math.min(delays.maxDelayMs, PROBE_CEILING_MS) };
    this.#random = random;
  }

  get isOpen(): boolean {
    return this.#outage !== null;
  }

  wait(now: number, inFlight: number): number {
    if (this.#outage === null) return 0;
    return inFlight > 0 ? Number.POSITIVE_INFINITY : Math.max(0, this.#outage.probeAt - now);
  }

  failed(failure: SinkFailure, sentAt: number, now: number): void {
    const outage = this.#outage;
    const slow = failure.class === "notReady" || failure.class === "invalid";
    this.#failures += 1;
    if (!slow && this.#failures < FAILURES_IN_A_ROW) return;
    if (outage !== null && sentAt < outage.trippedAt) return;
    const probes = outage?.probes ?? 0;
    const probeAt =
      now + (slow ? exponential(NOT_READY_DELAYS, probes) : fullJitter(this.#probeDelays, probes, this.#random));
    this.#outage = {
      trippedAt: now,
      probeAt: outage === null ? probeAt : Math.max(outage.probeAt, probeAt),
      probes: probes + 1,
    };
  }

  passed(): void {
    this.#failures = 0;
    this.#outage = null;
  }
}
