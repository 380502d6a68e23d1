import type { Clock } from "../../runtime/clock.ts";

/** How one call over the network ended. */
export type Exchange<T> =
  | { readonly kind: "answered"; readonly value: T }
  | { readonly kind: "threw"; readonly error: unknown }
  | { readonly kind: "expired" }
  | { readonly kind: "aborted" };

/**
 * A deadline that comes this much too late was kept by a busy event loop, which runs what is due before it reads its sockets:
 * the answer may be in one of them. Milliseconds.
 */
const LATE_MS = 10;

/**
 * Runs `call` up to its last byte. Ends by itself at the deadline (`timeoutMs`) or when `signal` aborts, whatever the
 * callee does with the signal it is given. What came before the deadline wins, though it could not be read before.
 */
export function exchange<T>(
  call: (signal: AbortSignal) => Promise<T>,
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly clock: Clock },
): Promise<Exchange<T>> {
  const { timeoutMs, signal, clock } = limits;
  if (signal.aborted) return Promise.resolve({ kind: "aborted" });
  return new Promise((resolve) => {
    const controller = new AbortController();
    let hasEnded = false;
    const end = (outcome: Exchange<T>): void => {
      hasEnded = true;
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      resolve(outcome);
    };
    const onAbort = (): void => {
      end({ kind: "aborted" });
      controller.abort();
    };
    const expire = (): void => {
      if (hasEnded) return;
      end({ kind: "expired" });
      controller.abort();
    };
    const dueAt = clock.now() + timeoutMs;
    const timer = clock.timer(timeoutMs, () => {
      if (clock.now() - dueAt < LATE_MS) expire();
      // After the sockets' turn.
      else setImmediate(expire);
    });
    signal.addEventListener("abort", onAbort, { once: true });
    call(controller.signal).then(
      (value) => end({ kind: "answered", value }),
      (error: unknown) => end({ kind: "threw", error }),
    );
  });
}
