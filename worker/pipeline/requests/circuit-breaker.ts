/**
 * Keeps a stream that takes nothing from being hammered: after requests that failed as a whole, one request at a time
 * probes it, with a growing delay, until one gets through.
 */
import type { SinkFailure } from "../../sink/sink.ts";
import { fullJitter, type RetryDelays } from "../retry.ts";

/** Failed requests in a row, none accepted in between, after which the stream counts as down. */
const FAILURES_IN_A_ROW = 3;

/** Permissions and streams are mended by people: no sooner than 1 s, and no later than 15 s after the mending. */
const NOT_READY_FLOOR_MS = 1_000;
const NOT_READY_CEILING_MS = 15_000;

/** One request in so many milliseconds is no burden, and a stream that is back should not wait longer for its probe. */
const PROBE_CEILING_MS = 5_000;

export interface CircuitBreaker {
  /** The stream counts as down: the breaker alone decides how often it is asked, and records need not wait longer each time. */
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
  let failures = 0;
  let probes = 0;
  let probing = false;
  let trippedAt = Number.NEGATIVE_INFINITY;
  let probesAt = Number.NEGATIVE_INFINITY;
  const probeDelays = { ...delays, maxDelayMs: Math.min(delays.maxDelayMs, PROBE_CEILING_MS) };
  return {
    get isOpen() {
      return probing;
    },
    wait: (now, inFlight) => {
      if (!probing) return 0;
      if (inFlight > 0) return Number.POSITIVE_INFINITY;
      return Math.max(0, probesAt - now);
    },
    failed: (failure, sentAt, now) => {
      const slow = failure.class === "notReady" || failure.class === "invalid";
      failures += 1;
      if (!slow && failures < FAILURES_IN_A_ROW) return;
      if (probing && sentAt < trippedAt) return;
      const delay = slow ? notReadyDelay(probes) : fullJitter(probeDelays, probes, random);
      probes += 1;
      probing = true;
      trippedAt = now;
      probesAt = Math.max(probesAt, now + delay);
    },
    passed: () => {
      failures = 0;
      probes = 0;
      probing = false;
      probesAt = Number.NEGATIVE_INFINITY;
    },
  };
}

function notReadyDelay(attempt: number): number {
  return Math.min(NOT_READY_CEILING_MS, NOT_READY_FLOOR_MS * 2 ** Math.min(attempt, 10));
}
