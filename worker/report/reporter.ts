import { type Backoff, backoff } from "../../runtime/backoff.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { beatDelay, changeDelay } from "./schedule.ts";

/** Writes one report. Resolves to the number of workers that the answer asks for. */
export type Publish<Report> = (report: Report, signal: AbortSignal) => Promise<{ replicas: number }>;

export interface Reporter {
  /** Begins, and returns. */
  start(): void;
  /** Looks whether the facts changed, and if so reports soon. Call it often; it is cheap. */
  notice(): void;
  /** The last report, at the pace of any change. Resolves when it is written, or `deadline` aborts. */
  close(deadline: AbortSignal): Promise<void>;
}

export interface ReporterOptions<Report> {
  readonly report: () => Report;
  /** What makes a change worth a report at once: states and reasons, not numbers. */
  readonly facts: () => string;
  readonly publish: Publish<Report>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
}

const PUBLISH_TIMEOUT_MS = 10_000;

/** Publishes `report()` on every beat and soon after `facts()` changed. Failures are retried and never stop the worker. */
export function createReporter<Report>(options: ReporterOptions<Report>): Reporter {
  return new PacedReporter(options);
}

class PacedReporter<Report> implements Reporter {
  readonly #options: ReporterOptions<Report>;
  readonly #random: () => number;
  readonly #retry: Backoff;
  readonly #abort = new AbortController();
  #replicas = 1;
  /** The last report that was written: `Clock.now()`, and what it was about. */
  #last: { readonly at: number; readonly facts: string } | null = null;
  /** A change has its time: drawing again would bring it forward, and a failing API server's retries with it. */
  #noticed = false;
  #timer: Timer | null = null;
  #dueAt = Number.POSITIVE_INFINITY;
  #running: Promise<void> | null = null;

  constructor(options: ReporterOptions<Report>) {
    const { random = Math.random } = options;
    this.#options = options;
    this.#random = random;
    this.#retry = backoff({ initial: 1000, max: 30_000, floor: 500, random });
  }

  start(): void {
    this.#schedule(0);
  }

  notice(): void {
    if (this.#noticed || this.#abort.signal.aborted || this.#running !== null || this.#last === null) return;
    if (this.#options.facts() === this.#last.facts) return;
    this.#noticed = true;
    this.#schedule(this.#changeDelay());
  }

  async close(deadline: AbortSignal): Promise<void> {
    const { report, publish, clock, log } = this.#options;
    const closing = AbortSignal.any([deadline, AbortSignal.timeout(PUBLISH_TIMEOUT_MS)]);
    // A report on its way to a silent API server is not waited for any longer than the last one.
    const giveUp = (): void => this.#abort.abort();
    if (closing.aborted) giveUp();
    else closing.addEventListener("abort", giveUp, { once: true });
    await this.#running;
    this.#timer?.cancel();
    this.#timer = null;
    await clock
      .sleep(Math.max(0, this.#changeDelay()), closing)
      .then(() => publish(report(), closing))
      .catch((error: unknown) => log.warn("the last status report was not written", { error }));
    this.#abort.abort();
  }

  #changeDelay(): number {
    const lastAt = this.#last?.at ?? Number.NEGATIVE_INFINITY;
    return changeDelay(this.#replicas, this.#random(), this.#options.clock.now() - lastAt);
  }

  /** The earliest wins. */
  #schedule(delay: number): void {
    const { clock } = this.#options;
    const at = clock.now() + delay;
    if (at >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = at;
    this.#timer = clock.timer(delay, () => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#send();
    });
  }

  #send(): void {
    this.#running ??= this.#write().finally(() => {
      this.#running = null;
    });
  }

  async #write(): Promise<void> {
    const { report, facts, publish, clock, log } = this.#options;
    const sentFacts = facts();
    try {
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(PUBLISH_TIMEOUT_MS)]);
      const { replicas } = await publish(report(), signal);
      this.#replicas = replicas;
      this.#last = { at: clock.now(), facts: sentFacts };
      this.#noticed = false;
      this.#retry.reset();
      this.#schedule(beatDelay(replicas, this.#random()));
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      log.warn("the status report was not written; it is tried again", { error });
      this.#schedule(this.#retry.next());
    }
  }
}
