import type { Clock } from "../../../runtime/clock.ts";
import { SourceError } from "../source.ts";
import type { Refusal } from "./failures.ts";

const TIMEOUT_MS = 15_000;

/** The requests of one connection that have no answer yet. */
export interface Requests {
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
  resolve(body: Buffer): void;
  reject(error: SourceError): void;
}

/**
 * @param broker names the other side in errors
 * @param onAnswered called with the time at which a request was sent, by `Clock.now()`, when its answer comes
 */
export function createRequests(
  broker: string,
  refusal: Refusal,
  clock: Clock,
  onAnswered: (sentAt: number) => void,
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

  return {
    async open(what, requestId) {
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      pending.set(requestId, { what, sentAt: clock.now(), resolve, reject });
      const timer = clock.timer(TIMEOUT_MS, () => {
        const late = `${what}: ${broker} did not answer within ${TIMEOUT_MS / 1000} s; it is tried again`;
        take(requestId)?.reject(new SourceError("BrokerNotReady", late));
      });
      try {
        return await promise;
      } finally {
        timer.cancel();
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
