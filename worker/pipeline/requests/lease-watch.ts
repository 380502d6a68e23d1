/**
 * Gives up requests whose records may not be on their way any more: their owner's lease ended. By a timer, for no event tells
 * of it; and whenever bytes go to a socket, for a process that stood still runs its timers late.
 */
import type { Clock, Timer } from "../../../runtime/clock.ts";
import { type OutboundRecord, writableUntil } from "./outbound-record.ts";

export interface LeasedRequest {
  readonly records: readonly OutboundRecord[];
  readonly controller: AbortController;
  /** `Clock.now()` until which it may be on its way, as of the last look: answers prolong it. */
  writableUntil: number;
}

export class LeaseWatch {
  readonly #clock: Clock;
  readonly #requests = new Set<LeasedRequest>();
  #timer: Timer | null = null;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes of the request begin to leave, if it may still be on its way. */
  begin(request: LeasedRequest, now: number): boolean {
    request.writableUntil = writableUntil(request.records);
    if (now > request.writableUntil) return false;
    if (request.writableUntil < Number.POSITIVE_INFINITY) {
      this.#requests.add(request);
      this.#arm(request.writableUntil);
    }
    return true;
  }

  /** Whether it may still be on its way. */
  holds(request: LeasedRequest, now: number): boolean {
    if (now <= request.writableUntil) return true;
    request.writableUntil = writableUntil(request.records);
    return now <= request.writableUntil;
  }

  end(request: LeasedRequest): void {
    this.#requests.delete(request);
  }

  close(): void {
    this.#timer?.cancel();
    this.#requests.clear();
  }

  #arm(at: number): void {
    if (at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    // The last moment is still the lease's.
    this.#timer = this.#clock.timer(Math.max(1, at + 1 - this.#clock.now()), () => this.#look());
  }

  #look(): void {
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const request of this.#requests) {
      if (this.holds(request, now)) next = Math.min(next, request.writableUntil);
      else {
        this.#requests.delete(request);
        request.controller.abort();
      }
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
  }
}
