import type { Clock } from "../../../runtime/clock.ts";
import type { ReceiveBudget } from "../source.ts";

/** Where topics wait for memory: the budget has one listener only. */
export interface Releases {
  /** Resolves when bytes of the budget were given back, after `ms`, or when `signal` aborts. */
  next(ms: number, signal: AbortSignal): Promise<void>;
  /** How many wait now. */
  readonly waiting: number;
}

export function createReleases(budget: ReceiveBudget, clock: Clock): Releases {
  const wakers = new Set<() => void>();
  budget.onRelease(() => {
    for (const wake of wakers) wake();
  });
  return {
    async next(ms, signal) {
      if (signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      const timer = clock.timer(ms, wake);
      signal.addEventListener("abort", wake);
      wakers.add(wake);
      await promise;
      wakers.delete(wake);
      signal.removeEventListener("abort", wake);
      timer.cancel();
    },
    get waiting() {
      return wakers.size;
    },
  };
}
