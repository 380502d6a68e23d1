/** A worker's process in virtual time: it can stand still, and what was due meanwhile then happens late. */
import type { Clock } from "../../../../runtime/clock.ts";
import type { Random } from "./random.ts";

export interface ModelProcess {
  /** The process' own: its timers are late when it stood still, and its wall clock differs from others'. */
  readonly clock: Clock;
  readonly standsStill: boolean;
  /** When it last stood still, and until when, by the clock; null: never yet. */
  readonly stall: { readonly from: number; readonly to: number } | null;
  /** Runs an event that reaches the process from outside; events keep their order. */
  readonly run: (event: () => void) => void;
  /** Stands still for so long. */
  stop(ms: number): void;
}

export function createProcess(clock: Clock, random: Random, wallOffsetMs: number): ModelProcess {
  let stall: { from: number; to: number } | null = null;
  const timers: (() => void)[] = [];
  const events: (() => void)[] = [];
  const standsStill = (): boolean => stall !== null && clock.now() < stall.to;
  const resume = (): void => {
    if (standsStill()) return;
    // Which of them an event loop sees first is not for us to say.
    const late = random.chance(0.5) ? [...timers, ...events] : [...events, ...timers];
    timers.length = 0;
    events.length = 0;
    for (const each of late) clock.timer(0, each);
  };
  const timer: Clock["timer"] = (ms, callback) => {
    let cancelled = false;
    const fire = (): void => {
      if (!cancelled) callback();
    };
    const base = clock.timer(ms, () => {
      if (standsStill()) timers.push(fire);
      else fire();
    });
    return {
      cancel: () => {
        cancelled = true;
        base.cancel();
      },
    };
  };
  return {
    clock: {
      now: clock.now,
      wall: () => clock.wall() + wallOffsetMs,
      timer,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          const { cancel } = timer(ms, resolve);
          signal?.addEventListener("abort", () => {
            cancel();
            reject(signal.reason);
          });
        }),
    },
    get standsStill() {
      return standsStill();
    },
    get stall() {
      return stall;
    },
    run: (event) => {
      if (standsStill() || events.length > 0) events.push(event);
      else event();
    },
    stop: (ms) => {
      if (standsStill()) return;
      stall = { from: clock.now(), to: clock.now() + ms };
      clock.timer(ms, resume);
    },
  };
}
