/**
 * Sends batches, many at once: decides when a request goes, never what happens to a record. Requests leave at the end
 * of an event-loop turn, so that one request carries what one turn brought.
 */
import type { Timer } from "../../../runtime/clock.ts";
import type { RequestOutcome } from "../../sink/sink.ts";
import type { Counters } from "../counters.ts";
import type { Settings } from "../options.ts";
import { emptyBatch } from "./batch.ts";
import type { Bisection } from "./bisection.ts";
import { type CircuitBreaker, createCircuitBreaker } from "./circuit-breaker.ts";
import { LeaseWatch } from "./lease-watch.ts";
import { createLinger } from "./linger.ts";
import type { OutcomeHandler, Supply } from "./neighbours.ts";
import type { OutboundRecord } from "./outbound-record.ts";
import { type SentRequest, Settlement } from "./settlement.ts";
import { createWindow, type Window } from "./window.ts";

export interface Sender<R extends OutboundRecord> {
  readonly inFlight: number;
  /** There may be something to send: sends it at the end of this turn. */
  wake(): void;
  /** Sends without waiting for other records from now on. */
  flushNow(): void;
  /** Those on their way. */
  records(): Iterable<R>;
  /**
   * Sends nothing of these records any more. What has begun to leave goes on, for as long as it may: its outcome tells
   * whether it will be executed.
   * @param then called when no request carries such a record any more; at once, if none does
   */
  withdraw(carries: (record: R) => boolean, then: () => void): void;
  close(): void;
}

/** A request that waited longer than this for a socket and credentials may not be wanted any more. Milliseconds. */
const RECHECK_AFTER_MS = 250;

/** @param supply what is to be sent is pulled from it @param handler what becomes of it is handed to it */
export function createSender<R extends OutboundRecord>(
  settings: Settings,
  counters: Counters,
  supply: Supply<R>,
  handler: OutcomeHandler<R>,
): Sender<R> {
  return new BatchSender(settings, counters, supply, handler);
}

class BatchSender<R extends OutboundRecord> implements Sender<R> {
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #supply: Supply<R>;
  readonly #handler: OutcomeHandler<R>;
  readonly #breaker: CircuitBreaker;
  readonly #window: Window;
  readonly #linger = createLinger();
  readonly #settlement: Settlement<R>;
  readonly #leases: LeaseWatch;
  readonly #requests = new Set<SentRequest<R>>();
  /** Told once these requests have ended. */
  readonly #withdrawals = new Set<Withdrawal<R>>();
  #recordsInFlight = 0;
  #scheduled = false;
  #closed = false;
  #flushesNow = false;
  #timer: Timer | null = null;

  constructor(settings: Settings, counters: Counters, supply: Supply<R>, handler: OutcomeHandler<R>) {
    const { clock, limits, maxConcurrentRequests, retry, random } = settings;
    this.#settings = settings;
    this.#counters = counters;
    this.#supply = supply;
    this.#handler = handler;
    this.#breaker = createCircuitBreaker(retry, random);
    this.#leases = new LeaseWatch(clock);
    const most = maxConcurrentRequests * limits.maxRecords;
    this.#window = createWindow(Math.max(limits.maxRecords, maxConcurrentRequests), most);
    this.#settlement = new Settlement(clock, counters, supply, handler, this.#breaker, this.#window);
  }

  get inFlight(): number {
    return this.#requests.size;
  }

  wake(): void {
    const arrived = this.#supply.takeArrived();
    if (arrived > 0) this.#linger.arrived(arrived, this.#settings.clock.now());
    this.#schedule();
  }

  flushNow(): void {
    this.#flushesNow = true;
    this.#schedule();
  }

  *records(): Iterable<R> {
    for (const { records } of this.#requests) yield* records;
  }

  withdraw(carries: (record: R) => boolean, then: () => void): void {
    const requests = new Set<SentRequest<R>>();
    for (const request of this.#requests) if (request.records.some(carries)) requests.add(request);
    if (requests.size === 0) then();
    else this.#withdrawals.add({ requests, ended: then });
    for (const { begun, controller } of requests) if (!begun) controller.abort();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#leases.close();
    this.#withdrawals.clear();
    for (const { controller } of this.#requests) controller.abort();
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#settings.nextTurn(() => this.#flush());
  }

  /** @param ms Infinity: an answer will tell */
  #scheduleIn(ms: number): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    this.#timer?.cancel();
    this.#timer = this.#settings.clock.timer(ms, () => this.#schedule());
  }

  #flush(): void {
    this.#scheduled = false;
    while (!this.#closed && this.#requests.size < this.#settings.maxConcurrentRequests) {
      const now = this.#settings.clock.now();
      const wait = this.#breaker.wait(now, this.#requests.size);
      if (wait > 0) {
        this.#scheduleIn(wait);
        return;
      }
      const part = this.#settlement.nextPart(now);
      if (part !== null) this.#send(part.records, part.bisection);
      else if (!this.#sendBatch(now)) return;
    }
  }

  /** False when there is nothing to send now. */
  #sendBatch(now: number): boolean {
    const room = this.#window.room(this.#recordsInFlight);
    if (room < 1) return false;
    const hold = this.#hold(room, now);
    if (hold > 0) {
      this.#scheduleIn(hold);
      return false;
    }
    const batch = emptyBatch<R>(room);
    this.#supply.fill(batch, now);
    if (batch.records.length === 0) return false;
    this.#linger.sent();
    this.#send(batch.records, null);
    return true;
  }

  #hold(room: number, now: number): number {
    if (this.#flushesNow) return 0;
    const full = Math.min(room, this.#settings.limits.maxRecords);
    return this.#linger.hold(this.#supply.waiting(), full, this.#requests.size, now);
  }

  #send(records: readonly R[], bisection: Bisection<R> | null): void {
    const { sink, clock } = this.#settings;
    const request: SentRequest<R> = {
      ...{ records, bisection, sentAt: clock.now(), controller: new AbortController() },
      ...{ begun: false, writableUntil: 0 },
    };
    this.#requests.add(request);
    this.#recordsInFlight += records.length;
    this.#counters.requests += 1;
    this.#counters.records += records.length;
    void sink
      .put(records, request.controller.signal, () => this.#mayLeave(request))
      .catch(broken)
      .then((outcome) => this.#answered(request, outcome));
  }

  /** Bytes of the request are about to leave. When they may not, it is given up, though not from within the call of a socket. */
  #mayLeave(request: SentRequest<R>): boolean {
    const { clock, nextTurn } = this.#settings;
    const now = clock.now();
    const may = request.begun ? this.#leases.holds(request, now) : this.#mayBegin(request, now);
    if (may) request.begun = true;
    else nextTurn(() => request.controller.abort());
    return may;
  }

  /** What was withdrawn of it ends it by itself. */
  #mayBegin(request: SentRequest<R>, now: number): boolean {
    const waited = now - request.sentAt > RECHECK_AFTER_MS;
    if (waited && !request.records.every((record) => this.#settlement.mayWrite(record, now))) return false;
    return !request.controller.signal.aborted && this.#leases.begin(request, now);
  }

  #answered(request: SentRequest<R>, outcome: RequestOutcome): void {
    this.#requests.delete(request);
    if (this.#closed) return;
    this.#leases.end(request);
    this.#settlement.settle(request, outcome, this.#recordsInFlight);
    this.#recordsInFlight -= request.records.length;
    this.#handler.settled();
    for (const withdrawal of this.#withdrawals) this.#ended(withdrawal, request);
    this.#schedule();
  }

  #ended(withdrawal: Withdrawal<R>, request: SentRequest<R>): void {
    if (!withdrawal.requests.delete(request) || withdrawal.requests.size > 0) return;
    this.#withdrawals.delete(withdrawal);
    withdrawal.ended();
  }
}

interface Withdrawal<R extends OutboundRecord> {
  /** Those that carry what was withdrawn. */
  readonly requests: Set<SentRequest<R>>;
  readonly ended: () => void;
}

/** `put` never rejects; if it does, the fate of the records is unknown. */
function broken(error: unknown): RequestOutcome {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "failed", failure: { code: "ServiceFailure", class: "transient", message, ambiguous: true } };
}
