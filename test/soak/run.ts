/** Plays a soak: load, faults by plan, samples, and the end. */
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../env/process.ts";
import type { Counts } from "./channel.ts";
import { beginFault } from "./faults.ts";
import { type PlannedFault, plan, type SoakOptions } from "./plan.ts";
import { growthOf, type PipelineResult, type Played, problemsOf, type Sample, type SoakResult } from "./rules.ts";
import type { Stage } from "./stage.ts";

const SAMPLE_EVERY_MS = 1_000;
const DRAIN_LIMIT_S = 180;
/** What broke just before may still be the reason that nothing moves. */
const GRACE_S = 5;

export interface Soak extends SoakResult {
  readonly options: SoakOptions;
  readonly faults: readonly Played[];
  readonly samples: readonly Sample[];
}

export async function runSoak(stage: Stage, options: SoakOptions, log: Log, signal: AbortSignal): Promise<Soak> {
  return await new SoakRun(stage, options, log, signal).run();
}

class SoakRun {
  readonly #stage: Stage;
  readonly #options: SoakOptions;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #samples: Sample[] = [];
  readonly #played: Played[] = [];
  readonly #problems: string[] = [];
  #started = 0;
  #broken = 0;
  #healedAt = Number.NEGATIVE_INFINITY;

  constructor(stage: Stage, options: SoakOptions, log: Log, signal: AbortSignal) {
    this.#stage = stage;
    this.#options = options;
    this.#log = log;
    this.#signal = signal;
  }

  async run(): Promise<Soak> {
    const { ask, workers, pulsar } = this.#stage;
    await Promise.all(workers.map((worker) => worker.start()));
    await ask({ kind: "start", serviceUrl: pulsar.serviceUrl, rate: this.#options.rate });
    this.#started = performance.now();
    const sampling = new AbortController();
    const samples = this.#sample(sampling.signal);
    samples.catch(() => undefined);
    for (const fault of plan(this.#options)) await this.#play(fault);
    await this.#until(this.#options.seconds);
    await ask({ kind: "stop" });
    this.#log("no more is produced; what is left is delivered");
    await this.#drain();
    sampling.abort();
    await samples;
    const { pipelines } = await ask<{ pipelines: readonly PipelineResult[] }>({ kind: "result" });
    const growth = growthOf(this.#samples);
    const problems = [...this.#problems, ...problemsOf(pipelines, growth)];
    return { options: this.#options, faults: this.#played, samples: this.#samples, pipelines, growth, problems };
  }

  get #now(): number {
    return (performance.now() - this.#started) / 1000;
  }

  async #until(at: number): Promise<void> {
    await delay(Math.max(0, (at - this.#now) * 1000), undefined, { signal: this.#signal });
  }

  async #play(fault: PlannedFault): Promise<void> {
    await this.#until(fault.at);
    const from = this.#now;
    this.#broken += 1;
    let what = "";
    try {
      const begun = await beginFault(this.#stage, fault);
      what = begun.what;
      this.#log(`${from.toFixed(0).padStart(6)} s  ${fault.kind} for ${fault.seconds.toFixed(1)} s  ${what}`);
      await delay(fault.seconds * 1000, undefined, { signal: this.#signal });
      await begun.heal();
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#problems.push(`${fault.kind}: ${String(error)}`);
    } finally {
      this.#broken -= 1;
      this.#healedAt = this.#now;
      this.#played.push({ kind: fault.kind, what, from, to: this.#now });
    }
  }

  async #drain(): Promise<void> {
    const end = this.#now + DRAIN_LIMIT_S;
    for (; this.#now < end; await delay(SAMPLE_EVERY_MS, undefined, { signal: this.#signal })) {
      const { behind } = await this.#stage.ask<Counts>({ kind: "counts", faulty: false });
      if (behind.every((count) => count === 0)) return;
    }
    this.#problems.push(`not everything was delivered within ${DRAIN_LIMIT_S} s`);
  }

  async #sample(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      const faulty = this.#broken > 0 || this.#now - this.#healedAt < GRACE_S;
      const [{ produced, read }, workers] = await Promise.all([
        this.#stage.ask<Counts>({ kind: "counts", faulty }),
        Promise.all(this.#stage.workers.map((worker) => worker.sample())),
      ]);
      const running = workers.filter((worker) => worker !== null);
      this.#samples.push({ at: this.#now, produced, read, workers: running });
      await this.#restart();
      await delay(SAMPLE_EVERY_MS, undefined, { signal: until }).catch(() => undefined);
    }
  }

  /** A worker that ended by itself is started again, as the kubelet would, and is a finding. */
  async #restart(): Promise<void> {
    for (const worker of this.#stage.workers) {
      if (worker.running || this.#broken > 0) continue;
      this.#problems.push(
        `${worker.name} ended by itself after ${this.#now.toFixed(0)} s:\n${await worker.lastWords()}`,
      );
      await worker.start();
    }
  }
}
