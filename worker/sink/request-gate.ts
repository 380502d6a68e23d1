/** Admits at most `limit` requests at once, first come, first served. */
export interface RequestGate {
  /** True once admitted (then `leave` must follow); false when `signal` aborted before. */
  enter(signal: AbortSignal): Promise<boolean>;
  leave(): void;
}

interface Waiter {
  readonly admit: () => void;
}

export function createRequestGate(limit: number): RequestGate {
  const waiting = new Set<Waiter>();
  let free = limit;
  return {
    async enter(signal) {
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
    leave() {
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
