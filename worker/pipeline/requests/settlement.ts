/** What an answer means: for the records of its request, one by one, and for how the stream is asked from now on. */
import type { Clock } from "../../../runtime/clock.ts";
import type { RecordOutcome, RequestOutcome, SinkFailure } from "../../sink/sink.ts";
import type { Counters } from "../counters.ts";
import { type Bisection, bisect, conclude, createRejections, halve } from "./bisection.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import type { LeasedRequest } from "./lease-watch.ts";
import type { OutcomeHandler, Supply } from "./neighbours.ts";
import { type OutboundRecord, userRecordCount } from "./outbound-record.ts";
import type { Window } from "./window.ts";

/** A request on its way. */
export interface SentRequest<R extends OutboundRecord> extends LeasedRequest {
  readonly records: readonly R[];
  /** The search for poison that it is part of. */
  readonly bisection: Bisection<R> | null;
  /** `Clock.now()` */
  readonly sentAt: number;
  /** Bytes of it may have left. */
  begun: boolean;
}

/** A part of a refused request that is to be sent next. */
export interface BisectedPart<R extends OutboundRecord> {
  readonly records: readonly R[];
  readonly bisection: Bisection<R>;
}

const WITHHELD: SinkFailure = {
  code: "RequestRejected",
  class: "transient",
  message: "The record was held back before it was sent.",
  ambiguous: false,
};

const MISCOUNTED: SinkFailure = {
  code: "AmbiguousAnswer",
  class: "transient",
  message: "Kinesis answered with another number of records than it was sent; they are sent again.",
  ambiguous: true,
};

export class Settlement<R extends OutboundRecord> {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #supply: Supply<R>;
  readonly #handler: OutcomeHandler<R>;
  readonly #breaker: CircuitBreaker;
  readonly #window: Window;
  readonly #rejections = createRejections<R>();
  /** With parts that are to be sent. */
  readonly #bisections: Bisection<R>[] = [];

  constructor(
    clock: Clock,
    counters: Counters,
    supply: Supply<R>,
    handler: OutcomeHandler<R>,
    breaker: CircuitBreaker,
    window: Window,
  ) {
    this.#clock = clock;
    this.#counters = counters;
    this.#supply = supply;
    this.#handler = handler;
    this.#breaker = breaker;
    this.#window = window;
  }

  /** @param recordsInFlight this request's included */
  settle(request: SentRequest<R>, outcome: RequestOutcome, recordsInFlight: number): void {
    const { records, sentAt } = request;
    if (outcome.kind === "answered" && outcome.records.length === records.length) {
      this.#window.answered(records.length, sentAt, this.#clock.now());
      this.#settleAnswer(request, outcome.records);
    } else {
      this.#settleFailure(request, outcome.kind === "failed" ? outcome.failure : MISCOUNTED, recordsInFlight);
    }
  }

  /** The next part of a refused request, without what may no longer be written; null when there is none. */
  nextPart(now: number): BisectedPart<R> | null {
    for (let bisection = this.#bisections.pop(); bisection !== undefined; bisection = this.#bisections.pop()) {
      const part = bisection.parts.pop() ?? [];
      const records = part.filter((record) => this.mayWrite(record, now));
      if (records.length < part.length) {
        for (const record of part) if (!records.includes(record)) this.#failed(record, WITHHELD, false);
        this.#handler.settled();
      }
      if (records.length > 0) return { records, bisection };
      this.#proceed(bisection, now);
    }
    return null;
  }

  mayWrite(record: R, now: number): boolean {
    return !this.#supply.paused && record.mayWrite(now);
  }

  #settleFailure(request: SentRequest<R>, failure: SinkFailure, recordsInFlight: number): void {
    const { records, bisection, sentAt, controller } = request;
    const now = this.#clock.now();
    // An aborted request was given up here: it says nothing of the stream.
    if (!controller.signal.aborted) {
      this.#counters.sinkFailure = failure;
      if (failure.code === "RequestTimeout") this.#window.expired(recordsInFlight, sentAt, now);
      if (failure.class === "invalid") {
        if (bisection !== null) halve(bisection, records);
        this.#proceed(bisection ?? bisect(records, failure), sentAt);
        return;
      }
      this.#breaker.failed(failure, sentAt, now);
    }
    this.#allFailed(records, failure);
    if (bisection !== null) this.#proceed(bisection, sentAt);
  }

  #settleAnswer({ records, bisection, sentAt }: SentRequest<R>, outcomes: readonly RecordOutcome[]): void {
    const anyAccepted = outcomes.some((outcome) => outcome.accepted);
    let failure: SinkFailure | null = null;
    if (anyAccepted) {
      this.#breaker.passed();
      this.#rejections.accepted();
    }
    for (let index = 0; index < records.length; index += 1) {
      const record = records[index] as R;
      const outcome = outcomes[index] as RecordOutcome;
      if (outcome.accepted) {
        this.#supply.returned(record);
        this.#handler.accepted(record, outcome);
        continue;
      }
      if (failure === null || failure.class === "throttled") failure = outcome.failure;
      if (outcome.failure.class === "throttled") this.#counters.throttled += 1;
      if (outcome.failure.class === "invalid" && (anyAccepted || bisection?.accepted)) {
        this.#refused(record, outcome.failure);
      } else {
        this.#counters.retries += userRecordCount(record);
        this.#failed(record, outcome.failure, false);
      }
    }
    if (!anyAccepted && failure !== null && failure.class !== "throttled") {
      this.#breaker.failed(failure, sentAt, this.#clock.now());
    }
    this.#counters.sinkFailure = failure;
    if (bisection === null) return;
    bisection.accepted ||= anyAccepted;
    this.#proceed(bisection, sentAt);
  }

  /** The next part, or the conclusion. */
  #proceed(bisection: Bisection<R>, sentAt: number): void {
    const conclusion = conclude(bisection);
    if (conclusion === null) {
      this.#bisections.push(bisection);
      return;
    }
    const { failure } = bisection;
    const rejected = conclusion.refusedAlone.filter(this.#rejections.rejected);
    const unknown = [...conclusion.unknown, ...conclusion.refusedAlone.filter((record) => !rejected.includes(record))];
    for (const record of [...conclusion.poison, ...rejected]) this.#refused(record, failure);
    if (conclusion.poison.length + rejected.length > 0) {
      // The stream is sound.
      this.#breaker.passed();
      this.#counters.sinkFailure = null;
    }
    if (unknown.length === 0) return;
    this.#breaker.failed(failure, sentAt, this.#clock.now());
    this.#allFailed(unknown, failure);
  }

  #allFailed(records: readonly R[], failure: SinkFailure): void {
    for (const record of records) {
      this.#counters.retries += userRecordCount(record);
      this.#failed(record, failure, this.#breaker.isOpen);
    }
  }

  #failed(record: R, failure: SinkFailure, down: boolean): void {
    this.#supply.returned(record);
    this.#handler.failed(record, failure, down);
  }

  #refused(record: R, failure: SinkFailure): void {
    this.#supply.returned(record);
    this.#handler.refused(record, failure);
  }
}
