/** Admits at most `limit` requests at once, first come, first served. */
export interface Semaphore {
  /** True once admitted (then `release` must follow); false when `signal` aborted before. */
  acquire(signal: AbortSignal): Promise<boolean>;
  release(): void;
}

interface Waiter {
  readonly admit: () => void;
}

export function createSemaphore(limit: number): Semaphore {
  const waiting = new Set<Waiter>();
  let free = limit;
  return {
    async acquire(signal) {
      if (signal.aborted) return false;
      if (free > 0) {
        free -= 1;
        return true;
      }
      return await new Promise<boolean>((resolve) => {
        const waiter: Waiter = {
          admit() {
            signal.removeEventListener("abort", onAbort);
            resolve(true);
          },
        };
        const onAbort = (): void => {
          waiting.delete(waiter);
          resolve(false);
        };
        waiting.add(waiter);
        signal.addEventListener("abort", onAbort, { once: true });
      });
    },
    release() {
      const next = waiting.values().next().value;
      if (next === undefined) {
        free += 1;
        return;
      }
      waiting.delete(next);
      next.admit();
    },
  };
}
