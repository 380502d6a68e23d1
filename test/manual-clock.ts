import type { Clock } from "../runtime/clock.ts";

export interface ManualClock extends Clock {
  /** Lets time pass, running what is due in order, and whatever promises that sets off. */
  advance(ms: number): Promise<void>;
}

/** Lets pending promise reactions and immediates run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export function manualClock(start = Date.parse("2026-01-01T00:00:00Z")): ManualClock {
  let now = 0;
  let timers: { at: number; callback: () => void }[] = [];
  const timer = (ms: number, callback: () => void) => {
    const entry = { at: now + ms, callback };
    timers.push(entry);
    return {
      cancel: () => {
        timers = timers.filter((other) => other !== entry);
      },
    };
  };
  return {
    now: () => now,
    wall: () => start + now,
    timer,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) reject(signal.reason);
        const { cancel } = timer(ms, resolve);
        signal?.addEventListener("abort", () => {
          cancel();
          reject(signal.reason);
        });
      }),
    advance: async (ms) => {
      const end = now + ms;
      await settle();
      for (;;) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers = timers.filter((other) => other !== due);
        now = due.at;
        due.callback();
        await settle();
      }
      now = end;
    },
  };
}
