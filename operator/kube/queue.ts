import { type Backoff, backoff } from "../../runtime/backoff.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";

/** What one run of a key asks for: nothing, or to be run again after some time even if nothing changes. */
export interface RunResult {
  readonly againAfterMs?: number;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Handles one key. Never runs twice at once for one key. A throw is retried with a growing delay. */
  readonly handle: (key: string, signal: AbortSignal) => Promise<RunResult>;
  readonly onFailure: (key: string, error: unknown, delayMs: number) => void;
  readonly concurrency: number;
  /** Delay after the first failure of a key in a row, and the longest one, milliseconds. */
  readonly retry: { readonly initial: number; readonly max: number };
  readonly random?: () => number;
}

export interface WorkQueue {
  /** Asks for a run of the key. Asked during its run, it runs once more afterwards; asked twice, it runs once. */
  add(key: string): void;
  /** Asks for a run in `ms`; of several pending requests the earliest counts. */
  addAfter(key: string, ms: number): void;
  /** Forgets what is waiting for the key; a run in progress ends by itself. */
  forget(key: string): void;
  /** Runs keys until the signal aborts; resolves when the last run has ended. */
  run(signal: AbortSignal): Promise<void>;
  /** Keys that wait for a free worker. */
  depth(): number;
}

/** A level-triggered, deduplicating queue: it carries keys, never what happened to them. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const waiting = new Set<string>();
  const running = new Set<string>();
  const again = new Set<string>();
  const timers = new Map<string, { at: number; timer: Timer }>();
  const delays = new Map<string, Backoff>();
  let life: AbortSignal | undefined;
  let idle: (() => void) | undefined;

  const add = (key: string) => {
    cancel(key);
    if (running.has(key)) again.add(key);
    else waiting.add(key);
    pump();
  };

  const cancel = (key: string) => {
    timers.get(key)?.timer.cancel();
    timers.delete(key);
  };

  const addAfter = (key: string, ms: number) => {
    if (waiting.has(key) || again.has(key)) return;
    const at = options.clock.now() + ms;
    if ((timers.get(key)?.at ?? Number.POSITIVE_INFINITY) <= at) return;
    cancel(key);
    timers.set(key, { at, timer: options.clock.timer(ms, () => add(key)) });
  };

  const delay = (key: string): number => {
    const known = delays.get(key);
    const next = known ?? backoff({ ...options.retry, ...(options.random ? { random: options.random } : {}) });
    if (!known) delays.set(key, next);
    return next.next();
  };

  const runOne = async (key: string, signal: AbortSignal) => {
    try {
      const result = await options.handle(key, signal);
      delays.delete(key);
      if (result.againAfterMs !== undefined) addAfter(key, result.againAfterMs);
    } catch (error) {
      if (signal.aborted) return;
      const delayMs = delay(key);
      options.onFailure(key, error, delayMs);
      addAfter(key, delayMs);
    }
  };

  const pump = () => {
    if (!life || life.aborted) return;
    for (const key of waiting) {
      if (running.size >= options.concurrency) return;
      waiting.delete(key);
      running.add(key);
      void runOne(key, life).then(() => finish(key));
    }
  };

  const finish = (key: string) => {
    running.delete(key);
    if (again.delete(key)) waiting.add(key);
    if (life?.aborted && running.size === 0) idle?.();
    pump();
  };

  const stop = () => {
    for (const key of [...timers.keys()]) cancel(key);
    waiting.clear();
    again.clear();
    delays.clear();
    life = undefined;
  };

  return {
    add,
    addAfter,
    forget: (key) => {
      cancel(key);
      waiting.delete(key);
      again.delete(key);
      delays.delete(key);
    },
    depth: () => waiting.size,
    run: async (signal) => {
      life = signal;
      pump();
      await aborted(signal);
      if (running.size > 0) await new Promise<void>((resolve) => (idle = resolve));
      stop();
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
