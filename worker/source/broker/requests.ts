import type { Clock, Timer } from "../../../runtime/clock.ts";
import { SourceError } from "../source.ts";
import type { Refusal } from "./failures.ts";

const TIMEOUT_MS = 15_000;
/** Answers come behind the messages that were sent before them, however long these take; no request waits longer. */
const LONGEST_WAIT_MS = 120_000;
/** A timer that fires this late tells of a long turn of this process: the answer may be there, and not read yet. */
const LATE_MS = 1_000;

/** The requests of one connection that have no answer yet. */
export interface Requests {
  /** How many have no answer yet. */
  readonly waiting: number;
  /** Resolves with the body of the answer. @throws SourceError when it is refused, or comes too late */
  open(what: string, requestId: number): Promise<Buffer>;
  answer(requestId: number, body: Buffer): void;
  /** False when no request has that id. */
  refuse(requestId: number, error: number | undefined, message: string | undefined): boolean;
  rejectAll(reason: SourceError): void;
}

interface Pending {
  readonly what: string;
  /** `Clock.now()` */
  readonly sentAt: number;
  timer: Timer | null;
  resolve(body: Buffer): void;
  reject(error: SourceError): void;
}

/**
/** What requests and the connection tell one another. Times are of `Clock.now()`. */
export interface RequestHooks {
  /** When messages came last: an answer may be behind more of them. */
  readonly messagesAt?: () => number;
  /** A request that was sent then is answered. */
  readonly onAnswered?: (sentAt: number) => void;
}

/**
 * Milliseconds that a request may wait still. Times are of `Clock.now()`.
 * @param messagesAt when messages came last: the answer may be behind more of them
 */
function patience(sentAt: number, messagesAt: number, now: number): number {
  return Math.min(Math.max(sentAt, messagesAt) + TIMEOUT_MS, sentAt + LONGEST_WAIT_MS) - now;
}

/** @param broker names the other side in errors */
export function createRequests(broker: string, refusal: Refusal, clock: Clock, hooks: RequestHooks = {}): Requests {
  return new PendingRequests(broker, refusal, clock, hooks);
}

class PendingRequests implements Requests {
  readonly #broker: string;
  readonly #refusal: Refusal;
  readonly #clock: Clock;
  readonly #hooks: RequestHooks;
  readonly #pending = new Map<number, Pending>();

  constructor(broker: string, refusal: Refusal, clock: Clock, hooks: RequestHooks) {
    this.#broker = broker;
    this.#refusal = refusal;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  get waiting(): number {
    return this.#pending.size;
  }

  async open(what: string, requestId: number): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const request: Pending = { what, sentAt: this.#clock.now(), resolve, reject, timer: null };
    this.#pending.set(requestId, request);
    this.#watch(request, requestId, TIMEOUT_MS);
    try {
      return await promise;
    } finally {
      request.timer?.cancel();
    }
  }

  answer(requestId: number, body: Buffer): void {
    this.#takeAnswered(requestId)?.resolve(body);
  }

  refuse(requestId: number, error: number | undefined, message: string | undefined): boolean {
    const request = this.#takeAnswered(requestId);
    request?.reject(this.#refusal(request.what, error, message));
    return request !== undefined;
  }

  rejectAll(reason: SourceError): void {
    for (const request of this.#pending.values()) request.reject(reason);
    this.#pending.clear();
  }

  #take(requestId: number): Pending | undefined {
    const request = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    return request;
  }

  #takeAnswered(requestId: number): Pending | undefined {
    const request = this.#take(requestId);
    if (request !== undefined) this.#hooks.onAnswered?.(request.sentAt);
    return request;
  }

  /** Gives the request up when it has waited long enough. */
  #watch(request: Pending, requestId: number, ms: number): void {
    const clock = this.#clock;
    const dueAt = clock.now() + ms;
    request.timer = clock.timer(ms, () => {
      const now = clock.now();
      const { sentAt, what } = request;
      const messagesAt = this.#hooks.messagesAt?.() ?? Number.NEGATIVE_INFINITY;
      const left = now - dueAt >= LATE_MS ? LATE_MS : patience(sentAt, messagesAt, now);
      if (left > 0) {
        this.#watch(request, requestId, left);
        return;
      }
      const seconds = Math.round((now - sentAt) / 1000);
      const late = `${what}: ${this.#broker} did not answer within ${seconds} s; it is tried again`;
      this.#take(requestId)?.reject(new SourceError("BrokerNotReady", late));
    });
  }
}
