import type { Clock } from "../../runtime/clock.ts";

/** How one call over the network ended. */
export type Exchange<T> =
  | { readonly kind: "answered"; readonly value: T }
  | { readonly kind: "threw"; readonly error: unknown }
  | { readonly kind: "expired" }
  | { readonly kind: "aborted" };

/**
 * Runs `call` up to its last byte. Ends by itself at the deadline (`timeoutMs`) or when `signal` aborts, whatever the
 * callee does with the signal it is given.
 */
export function exchange<T>(
  call: (signal: AbortSignal) => Promise<T>,
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly clock: Clock },
): Promise<Exchange<T>> {
  const { timeoutMs, signal, clock } = limits;
  if (signal.aborted) return Promise.resolve({ kind: "aborted" });
  return new Promise((resolve) => {
    const controller = new AbortController();
    const end = (outcome: Exchange<T>): void => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      resolve(outcome);
    };
    const onAbort = (): void => {
      end({ kind: "aborted" });
      controller.abort();
    };
    const timer = clock.timer(timeoutMs, () => {
      end({ kind: "expired" });
      controller.abort();
    });
    signal.addEventListener("abort", onAbort, { once: true });
    call(controller.signal).then(
      (value) => end({ kind: "answered", value }),
      (error: unknown) => end({ kind: "threw", error }),
    );
  });
}
