/**
 * Sends batches, many at once: decides when a request goes, never what happens to a record. Requests leave at the end
 * of an event-loop turn, so that one request carries what one turn brought.
 */
import type { Timer } from "../../../runtime/clock.ts";
import type { RecordOutcome, RequestOutcome, SinkFailure } from "../../sink/sink.ts";
import type { Counters } from "../counters.ts";
import type { Settings } from "../options.ts";
import { type Batch, emptyBatch, type OutboundRecord, userRecordCount } from "./batch.ts";
import { type Bisection, bisect, conclude, createRejections, halve } from "./bisection.ts";
import { createCircuitBreaker } from "./circuit-breaker.ts";
import { createLinger } from "./linger.ts";
import { createWindow } from "./window.ts";

export type Accepted = Extract<RecordOutcome, { accepted: true }>;

/** What a pipeline decides about records. */
export interface Dispatch<R extends OutboundRecord> {
  /** Records that `fill` would find now, roughly. */
  waiting(): number;
  /** Moves what may be written now into the batch. */
  fill(batch: Batch<R>, now: number): void;
  /** False when the record was withdrawn, or must not be written now: it is handed back by `failed`. */
  mayWrite(record: R, now: number): boolean;
  accepted(record: R, outcome: Accepted): void;
  /**
   * To be tried again.
   * @param down the stream counts as down: that is no further failure of this record
   */
  failed(record: R, failure: SinkFailure, down: boolean): void;
  /** Refused by the service for its content. */
  refused(record: R, failure: SinkFailure): void;
  /** All records of an answer were handed out. */
  settled(): void;
}

export interface Sender<R extends OutboundRecord> {
  readonly inFlight: number;
  /** Records became ready: sends them at the end of this turn. */
  wake(ready: number): void;
  /** Sends without waiting for company from now on. */
  flushNow(): void;
  /** Visits each record on its way. */
  each(visit: (record: R) => void): void;
  /** Aborts the requests that carry such a record. */
  abort(carries: (record: R) => boolean): void;
  close(): void;
}

interface Request<R extends OutboundRecord> {
  readonly records: readonly R[];
  readonly bisection: Bisection<R> | null;
  readonly sentAt: number;
  readonly controller: AbortController;
}

const WITHHELD: SinkFailure = {
  code: "RequestRejected",
  class: "transient",
  message: "The record was held back before it was sent.",
  ambiguous: false,
};

export function createSender<R extends OutboundRecord>(
  options: Settings,
  counters: Counters,
  dispatch: Dispatch<R>,
): Sender<R> {
  const { sink, clock, limits, maxConcurrentRequests, retry, random, nextTurn } = options;
  const requests = new Set<Request<R>>();
  const bisections: Bisection<R>[] = [];
  const rejections = createRejections<R>();
  const breaker = createCircuitBreaker(retry, random);
  const window = createWindow(
    Math.max(limits.maxRecords, maxConcurrentRequests),
    maxConcurrentRequests * limits.maxRecords,
  );
  const linger = createLinger();
  let recordsInFlight = 0;
  let scheduled = false;
  let closed = false;
  let flushNow = false;
  let timer: Timer | null = null;

  const schedule = (): void => {
    if (scheduled || closed) return;
    scheduled = true;
    nextTurn(flush);
  };
  const scheduleIn = (ms: number): void => {
    if (ms === Number.POSITIVE_INFINITY) return;
    timer?.cancel();
    timer = clock.timer(ms, schedule);
  };

  function flush(): void {
    scheduled = false;
    while (!closed && requests.size < maxConcurrentRequests) {
      const now = clock.now();
      const wait = breaker.wait(now, requests.size);
      if (wait > 0) {
        scheduleIn(wait);
        return;
      }
      if (sendSuspects(now)) continue;
      const room = window.room(recordsInFlight);
      if (room < 1) return;
      const hold = flushNow
        ? 0
        : linger.hold(dispatch.waiting(), Math.min(room, limits.maxRecords), requests.size, now);
      if (hold > 0) {
        scheduleIn(hold);
        return;
      }
      const batch = emptyBatch<R>(room);
      dispatch.fill(batch, now);
      if (batch.records.length === 0) return;
      linger.sent();
      send(batch.records, null);
    }
  }

  function sendSuspects(now: number): boolean {
    for (let bisection = bisections.pop(); bisection !== undefined; bisection = bisections.pop()) {
      const part = bisection.parts.pop() ?? [];
      const allowed = part.filter((record) => dispatch.mayWrite(record, now));
      if (allowed.length < part.length) {
        for (const record of part) if (!allowed.includes(record)) dispatch.failed(record, WITHHELD, false);
        dispatch.settled();
      }
      if (allowed.length > 0) {
        send(allowed, bisection);
        return true;
      }
      proceed(bisection, now);
    }
    return false;
  }

  function send(records: readonly R[], bisection: Bisection<R> | null): void {
    const request: Request<R> = { records, bisection, sentAt: clock.now(), controller: new AbortController() };
    requests.add(request);
    recordsInFlight += records.length;
    counters.requests += 1;
    counters.records += records.length;
    const recheck = (): void => {
      const now = clock.now();
      if (!records.every((record) => dispatch.mayWrite(record, now))) request.controller.abort();
    };
    void sink
      .put(records, request.controller.signal, recheck)
      .then((outcome) => outcome, broken)
      .then((outcome) => {
        requests.delete(request);
        if (closed) return;
        settle(request, outcome);
        recordsInFlight -= records.length;
        dispatch.settled();
        schedule();
      });
  }

  function settle(request: Request<R>, outcome: RequestOutcome): void {
    const { records } = request;
    if (outcome.kind === "answered" && outcome.records.length === records.length) {
      window.answered(records.length, request.sentAt, clock.now());
      settleAnswer(request, outcome.records);
    } else {
      settleFailure(request, outcome.kind === "failed" ? outcome.failure : miscounted());
    }
  }

  function settleFailure(request: Request<R>, failure: SinkFailure): void {
    const { records, bisection, sentAt, controller } = request;
    const now = clock.now();
    // An aborted request was given up here: it says nothing of the stream.
    if (!controller.signal.aborted) {
      counters.sinkFailure = failure;
      if (failure.code === "RequestTimeout") window.expired(recordsInFlight, sentAt, now);
      if (failure.class === "invalid") {
        const group = bisection ?? bisect(records, failure);
        if (bisection !== null) halve(group, records);
        proceed(group, sentAt);
        return;
      }
      breaker.failed(failure, sentAt, now);
    }
    for (const record of records) counters.retries += userRecordCount(record);
    for (const record of records) dispatch.failed(record, failure, breaker.isOpen);
    if (bisection !== null) proceed(bisection, sentAt);
  }

  function settleAnswer({ records, bisection, sentAt }: Request<R>, outcomes: readonly RecordOutcome[]): void {
    const anyAccepted = outcomes.some((outcome) => outcome.accepted);
    let failure: SinkFailure | null = null;
    if (anyAccepted) {
      breaker.passed();
      rejections.accepted();
    }
    for (let index = 0; index < records.length; index += 1) {
      const record = records[index] as R;
      const outcome = outcomes[index] as RecordOutcome;
      if (outcome.accepted) {
        dispatch.accepted(record, outcome);
        continue;
      }
      if (failure === null || failure.class === "throttled") failure = outcome.failure;
      if (outcome.failure.class === "throttled") counters.throttled += 1;
      if (outcome.failure.class === "invalid" && (anyAccepted || bisection?.accepted)) {
        dispatch.refused(record, outcome.failure);
      } else {
        counters.retries += userRecordCount(record);
        dispatch.failed(record, outcome.failure, false);
      }
    }
    if (!anyAccepted && failure !== null && failure.class !== "throttled") breaker.failed(failure, sentAt, clock.now());
    counters.sinkFailure = failure;
    if (bisection === null) return;
    bisection.accepted ||= anyAccepted;
    proceed(bisection, sentAt);
  }

  /** The next part, or the conclusion. */
  function proceed(bisection: Bisection<R>, sentAt: number): void {
    const conclusion = conclude(bisection);
    if (conclusion === null) {
      bisections.push(bisection);
      return;
    }
    const { failure } = bisection;
    const rejected = conclusion.refusedAlone.filter(rejections.rejected);
    const unknown = [...conclusion.unknown, ...conclusion.refusedAlone.filter((record) => !rejected.includes(record))];
    for (const record of [...conclusion.poison, ...rejected]) dispatch.refused(record, failure);
    if (conclusion.poison.length + rejected.length > 0) {
      // The stream is sound.
      breaker.passed();
      counters.sinkFailure = null;
    }
    if (unknown.length === 0) return;
    breaker.failed(failure, sentAt, clock.now());
    for (const record of unknown) counters.retries += userRecordCount(record);
    for (const record of unknown) dispatch.failed(record, failure, breaker.isOpen);
  }

  return {
    get inFlight() {
      return requests.size;
    },
    wake: (ready) => {
      if (ready > 0) linger.arrived(ready, clock.now());
      schedule();
    },
    flushNow: () => {
      flushNow = true;
      schedule();
    },
    each: (visit) => {
      for (const { records } of requests) records.forEach(visit);
    },
    abort: (carries) => {
      for (const request of requests) {
        if (request.records.some(carries)) request.controller.abort();
      }
    },
    close: () => {
      closed = true;
      timer?.cancel();
      for (const request of requests) request.controller.abort();
    },
  };
}

function miscounted(): SinkFailure {
  return {
    code: "AmbiguousAnswer",
    class: "transient",
    message: "Kinesis answered with another number of records than it was sent; they are sent again.",
    ambiguous: true,
  };
}

/** `put` never rejects; if it does, the fate of the records is unknown. */
function broken(error: unknown): RequestOutcome {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "failed", failure: { code: "ServiceFailure", class: "transient", message, ambiguous: true } };
}
