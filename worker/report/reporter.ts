import { type Backoff, backoff } from "../../runtime/backoff.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { beatDelay, changeDelay } from "./schedule.ts";

/** Writes one report. Resolves to `spec.replicas` of the resource as the answer shows it. */
export type Publish<Report> = (report: Report, signal: AbortSignal) => Promise<{ replicas: number }>;

export interface Reporter {
  start(): void;
  /** Looks whether the facts changed, and if so reports soon. Call it often; it is cheap. */
  notice(): void;
  /** The last report, at the pace of any change. Resolves when it is written, or `deadline` aborts. */
  close(deadline: AbortSignal): Promise<void>;
}

const PUBLISH_TIMEOUT_MS = 10_000;

/** Publishes `report()` on every beat and soon after `facts()` changed. Failures are retried and never stop the worker. */
export function createReporter<Report>(options: {
  report: () => Report;
  /** What makes a change worth a report at once: states and reasons, not numbers. */
  facts: () => string;
  publish: Publish<Report>;
  clock: Clock;
  log: Logger;
  random?: () => number;
}): Reporter {
  const { report, facts, publish, clock, log, random = Math.random } = options;
  const retry: Backoff = backoff({ initial: 1000, max: 30_000, floor: 500, random });
  const abort = new AbortController();
  let replicas = 1;
  let lastAt = Number.NEGATIVE_INFINITY;
  let lastFacts: string | null = null;
  /** A change has its time: drawing again would bring it forward, and a failing API server's retries with it. */
  let noticed = false;
  let timer: Timer | null = null;
  let dueAt = Number.POSITIVE_INFINITY;
  let running: Promise<void> | null = null;

  const schedule = (delay: number) => {
    const at = clock.now() + delay;
    if (at >= dueAt) return;
    timer?.cancel();
    dueAt = at;
    timer = clock.timer(delay, () => {
      dueAt = Number.POSITIVE_INFINITY;
      void send();
    });
  };

  const send = (): Promise<void> => {
    running ??= write().finally(() => {
      running = null;
    });
    return running;
  };

  const write = async () => {
    const sentFacts = facts();
    try {
      const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(PUBLISH_TIMEOUT_MS)]);
      ({ replicas } = await publish(report(), signal));
      lastAt = clock.now();
      lastFacts = sentFacts;
      noticed = false;
      retry.reset();
      schedule(beatDelay(replicas, random()));
    } catch (error) {
      if (abort.signal.aborted) return;
      log.warn("the status report was not written; it is tried again", { error });
      schedule(retry.next());
    }
  };

  return {
    start: () => schedule(0),
    notice: () => {
      if (noticed || abort.signal.aborted || running !== null || lastFacts === null || facts() === lastFacts) return;
      noticed = true;
      schedule(changeDelay(replicas, random(), clock.now() - lastAt));
    },
    close: async (deadline) => {
      const closing = AbortSignal.any([deadline, AbortSignal.timeout(PUBLISH_TIMEOUT_MS)]);
      // A report on its way to a silent API server is not waited for any longer than the last one.
      const giveUp = () => abort.abort();
      if (closing.aborted) giveUp();
      else closing.addEventListener("abort", giveUp, { once: true });
      await running;
      timer?.cancel();
      timer = null;
      const delay = Math.max(0, changeDelay(replicas, random(), clock.now() - lastAt));
      await clock
        .sleep(delay, closing)
        .then(() => publish(report(), closing))
        .catch((error: unknown) => log.warn("the last status report was not written", { error }));
      abort.abort();
    },
  };
}
