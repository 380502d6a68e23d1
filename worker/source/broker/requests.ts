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
  timer: Timer | null;
  resolve(body: Buffer): void;
  reject(error: SourceError): void;
}

/**
 * Milliseconds that a request may wait still. Times are of `Clock.now()`.
 * @param messagesAt when messages came last: the answer may be behind more of them
 */
function patience(sentAt: number, messagesAt: number, now: number): number {
  return Math.min(Math.max(sentAt, messagesAt) + TIMEOUT_MS, sentAt + LONGEST_WAIT_MS) - now;
}

/**
 * `broker` names the other side in errors.
 * @param messagesAt `Clock.now()` when messages came last
 */
export function createRequests(
  broker: string,
  refusal: Refusal,
  clock: Clock,
  messagesAt: () => number = () => Number.NEGATIVE_INFINITY,
): Requests {
  const pending = new Map<number, Pending>();

  const take = (requestId: number): Pending | undefined => {
    const request = pending.get(requestId);
    pending.delete(requestId);
    return request;
  };

  /** Gives the request up when it has waited long enough. */
  const watch = (request: Pending, requestId: number, sentAt: number, ms: number): void => {
    const dueAt = clock.now() + ms;
    request.timer = clock.timer(ms, () => {
      const now = clock.now();
      const left = now - dueAt >= LATE_MS ? LATE_MS : patience(sentAt, messagesAt(), now);
      if (left > 0) {
        watch(request, requestId, sentAt, left);
        return;
      }
      const seconds = Math.round((now - sentAt) / 1000);
      const late = `${request.what}: ${broker} did not answer within ${seconds} s; it is tried again`;
      take(requestId)?.reject(new SourceError("BrokerNotReady", late));
    });
  };

  return {
    get waiting() {
      return pending.size;
    },
    async open(what, requestId) {
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      const request: Pending = { what, resolve, reject, timer: null };
      pending.set(requestId, request);
      watch(request, requestId, clock.now(), TIMEOUT_MS);
      try {
        return await promise;
      } finally {
        request.timer?.cancel();
      }
    },
    answer: (requestId, body) => take(requestId)?.resolve(body),
    refuse(requestId, error, message) {
      const request = take(requestId);
      request?.reject(refusal(request.what, error, message));
      return request !== undefined;
    },
    rejectAll(reason) {
      for (const request of pending.values()) request.reject(reason);
      pending.clear();
    },
  };
}
