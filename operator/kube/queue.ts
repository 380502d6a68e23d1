import { type Backoff, backoff } from "../../runtime/backoff.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { retryAfterMs } from "../../runtime/kube/errors.ts";

/** What one run of a key asks for: nothing, or to be run again after some time even if nothing changes. */
export interface RunResult {
  readonly againAfterMs?: number;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Handles one key. Never runs twice at once for one key. A throw is retried with a growing delay, or what the server asks for. */
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
  return new DeduplicatingQueue(options);
}

class DeduplicatingQueue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  /** Keys that were asked for during their run. */
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { readonly at: number; readonly timer: Timer }>();
  /** Of keys whose last run failed. */
  readonly #retries = new Map<string, Backoff>();
  /** While it runs. */
  #life: AbortSignal | undefined;
  #idle: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#life = signal;
    this.#pump();
    await aborted(signal);
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    this.#stop();
  }

  add(key: string): void {
    this.#cancel(key);
    if (this.#running.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#pump();
  }

  addAfter(key: string, ms: number): void {
    if (this.#waiting.has(key) || this.#again.has(key)) return;
    const { clock } = this.#options;
    const at = clock.now() + ms;
    if ((this.#timers.get(key)?.at ?? Number.POSITIVE_INFINITY) <= at) return;
    this.#cancel(key);
    this.#timers.set(key, { at, timer: clock.timer(ms, () => this.add(key)) });
  }

  forget(key: string): void {
    this.#cancel(key);
    this.#waiting.delete(key);
    this.#again.delete(key);
    this.#retries.delete(key);
  }

  depth(): number {
    return this.#waiting.size;
  }

  #pump(): void {
    const life = this.#life;
    if (!life || life.aborted) return;
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#options.concurrency) return;
      this.#waiting.delete(key);
      this.#running.add(key);
      void this.#runOne(key, life).then(() => this.#finish(key));
    }
  }

  async #runOne(key: string, signal: AbortSignal): Promise<void> {
    try {
      const result = await this.#options.handle(key, signal);
      this.#retries.delete(key);
      if (result.againAfterMs !== undefined) this.addAfter(key, result.againAfterMs);
    } catch (error) {
      if (signal.aborted) return;
      const delayMs = Math.max(this.#retryDelay(key), retryAfterMs(error));
      this.#options.onFailure(key, error, delayMs);
      this.addAfter(key, delayMs);
    }
  }

  #finish(key: string): void {
    this.#running.delete(key);
    if (this.#again.delete(key)) this.#waiting.add(key);
    if (this.#life?.aborted && this.#running.size === 0) this.#idle?.();
    this.#pump();
  }

  #retryDelay(key: string): number {
    const { random, retry } = this.#options;
    const known = this.#retries.get(key) ?? backoff({ ...retry, ...(random ? { random } : {}) });
    this.#retries.set(key, known);
    return known.next();
  }

  #cancel(key: string): void {
    this.#timers.get(key)?.timer.cancel();
    this.#timers.delete(key);
  }

  #stop(): void {
    for (const key of [...this.#timers.keys()]) this.#cancel(key);
    this.#waiting.clear();
    this.#again.clear();
    this.#retries.clear();
    this.#life = undefined;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
