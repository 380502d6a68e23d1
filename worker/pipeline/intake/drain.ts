import type { Source } from "../../source/source.ts";

/** Waits until a pipeline has nothing left to do, or the deadline comes. */
export interface Drain {
  readonly active: boolean;
  /** Resolves once `check` finds the pipeline empty, or the deadline aborts. Never rejects. */
  wait(deadline: AbortSignal): Promise<void>;
  /** To be called whenever something was finished. */
  check(): void;
}

export function createDrain(isEmpty: () => boolean): Drain {
  let active = false;
  let resolve: (() => void) | null = null;
  const check = (): void => {
    if (resolve === null || !isEmpty()) return;
    resolve();
    resolve = null;
  };
  return {
    get active() {
      return active;
    },
    wait: (deadline) => {
      active = true;
      return new Promise((done) => {
        if (deadline.aborted) return done();
        deadline.addEventListener("abort", () => done(), { once: true });
        resolve = done;
        check();
      });
    },
    check,
  };
}

/** Waits until every acknowledgement was confirmed, or the deadline comes. */
export async function flushed(source: Source, deadline: AbortSignal): Promise<void> {
  try {
    await source.flush(deadline);
  } catch (error) {
    // What was not confirmed comes again; that is what a deadline means.
    if (!deadline.aborted) throw error;
  }
}
