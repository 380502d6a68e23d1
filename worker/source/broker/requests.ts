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

/**
 * @param broker names the other side in errors
 */
export function createRequests(
  broker: string,
  refusal: Refusal,
  clock: Clock,
  { messagesAt = () => Number.NEGATIVE_INFINITY, onAnswered = () => undefined }: RequestHooks = {},
): Requests {
  const pending = new Map<number, Pending>();

  const take = (requestId: number): Pending | undefined => {
    const request = pending.get(requestId);
    pending.delete(requestId);
    return request;
  };
  const takeAnswered = (requestId: number): Pending | undefined => {
    const request = take(requestId);
    if (request !== undefined) onAnswered(request.sentAt);
    return request;
  };

  /** Gives the request up when it has waited long enough. */
  const watch = (request: Pending, requestId: number, ms: number): void => {
    const dueAt = clock.now() + ms;
    request.timer = clock.timer(ms, () => {
      const now = clock.now();
      const { sentAt, what } = request;
      const left = now - dueAt >= LATE_MS ? LATE_MS : patience(sentAt, messagesAt(), now);
      if (left > 0) {
        watch(request, requestId, left);
        return;
      }
      const seconds = Math.round((now - sentAt) / 1000);
      const late = `${what}: ${broker} did not answer within ${seconds} s; it is tried again`;
      take(requestId)?.reject(new SourceError("BrokerNotReady", late));
    });
  };

  return {
    get waiting() {
      return pending.size;
    },
    async open(what, requestId) {
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      const request: Pending = { what, sentAt: clock.now(), resolve, reject, timer: null };
      pending.set(requestId, request);
      watch(request, requestId, TIMEOUT_MS);
      try {
        return await promise;
      } finally {
        request.timer?.cancel();
      }
    },
    answer: (requestId, body) => takeAnswered(requestId)?.resolve(body),
    refuse(requestId, error, message) {
      const request = takeAnswered(requestId);
      request?.reject(refusal(request.what, error, message));
      return request !== undefined;
    },
    rejectAll(reason) {
      for (const request of pending.values()) request.reject(reason);
      pending.clear();
    },
  };
}
