import { type Backoff, backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { isGone, type Sink, SinkError, type SinkFailure, type StreamDescription } from "./sink.ts";

/** What is known of the stream, whoever asked for it last. */
export interface StreamWatch {
  /** As last described; null before the first time. */
  readonly description: StreamDescription | null;
  /** Why records cannot be put now; null when they can, as far as is known. */
  readonly failure: SinkFailure | null;
  /** The stream's RecordDistributionStrategy is AUTO: it ignores hash keys. */
  readonly auto: boolean;
  /** Describes until the stream is usable; resolves to its description. Rejects only when `signal` aborts. */
  untilUsable(signal: AbortSignal): Promise<StreamDescription>;
  /** Describes again every few minutes until `signal` aborts, so that an idle worker notices what changed. */
  keepLooking(signal: AbortSignal): Promise<void>;
  /** Describes once, now. Never rejects: that it failed tells nothing of the stream. */
  look(signal: AbortSignal): Promise<void>;
  /** Calls `listener` after each change of `auto`. Returns what ends it. */
  onAutoChange(listener: () => void): () => void;
  /** Calls `listener` whenever a look finds that the stream is not there, or is being made or deleted. Returns what ends it. */
  onGone(listener: () => void): () => void;
}

export interface StreamWatchOptions {
  readonly sink: Sink;
  /** `retainOrdering`: a stream with RecordDistributionStrategy AUTO is not usable. */
  readonly refuseAuto: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** An idle worker's look at the stream; DescribeStreamSummary is limited to 20 calls a second per account. */
const LOOK_EVERY_MS = 300_000;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

/** Why an ordered pipeline writes nothing. */
export const AUTO_DISTRIBUTION: SinkFailure = {
  code: "RecordDistributionAuto",
  class: "notReady",
  message:
    "The stream's RecordDistributionStrategy is AUTO, which ignores partition keys, so order cannot be kept: set it to " +
    "USER_PARTITION_KEY, or set spec.config.retainOrdering to false.",
  ambiguous: false,
};

/** Watches whether the stream exists, is active, and keeps partition keys (which an ordered sink needs). */
export function createStreamWatch(options: StreamWatchOptions): StreamWatch {
  return new DescribingWatch(options);
}

class DescribingWatch implements StreamWatch {
  readonly #options: StreamWatchOptions;
  readonly #retry: Backoff;
  readonly #autoListeners = new Set<() => void>();
  readonly #goneListeners = new Set<() => void>();
  #description: StreamDescription | null = null;
  #failure: SinkFailure | null = null;
  #auto = false;
  /** Descriptions that were asked for, and the latest of them that was answered. */
  #asked = 0;
  #answered = 0;
  /** Ends the wait for the next regular look; null while nobody waits for it. */
  #sooner: AbortController | null = null;

  constructor(options: StreamWatchOptions) {
    this.#options = options;
    this.#retry = backoff({ initial: FIRST_RETRY_MS, max: MAX_RETRY_MS, floor: FIRST_RETRY_MS / 2 });
  }

  get description(): StreamDescription | null {
    return this.#description;
  }

  get failure(): SinkFailure | null {
    return this.#failure;
  }

  get auto(): boolean {
    return this.#auto;
  }

  async untilUsable(signal: AbortSignal): Promise<StreamDescription> {
    for (;;) {
      await this.#regularLook(signal);
      if (this.#failure === null && this.#description !== null) {
        this.#retry.reset();
        return this.#description;
      }
      await this.#options.clock.sleep(this.#retry.next(), signal);
    }
  }

  async keepLooking(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#whileUsable(LOOK_EVERY_MS, signal);
      await this.untilUsable(signal);
    }
  }

  async look(signal: AbortSignal): Promise<void> {
    try {
      await this.#describe(signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#options.log.warn("stream not described", { error });
      if (error instanceof SinkError) this.#tellGone(error);
    }
  }

  onAutoChange(listener: () => void): () => void {
    this.#autoListeners.add(listener);
    return () => void this.#autoListeners.delete(listener);
  }

  onGone(listener: () => void): () => void {
    this.#goneListeners.add(listener);
    return () => void this.#goneListeners.delete(listener);
  }

  /** One that fails is a failure of the stream: the worker depends on nothing else then. */
  async #regularLook(signal: AbortSignal): Promise<void> {
    try {
      await this.#describe(signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof SinkError)) throw error;
      this.#setFailure(error);
    }
  }

  async #describe(signal: AbortSignal): Promise<void> {
    this.#asked += 1;
    const turn = this.#asked;
    const found = await this.#options.sink.describe(signal);
    // An older answer must not overtake a newer one.
    if (turn < this.#answered) return;
    this.#answered = turn;
    this.#description = found;
    this.#setFailure(unusable(found, this.#options.refuseAuto));
    this.#setAuto(found.recordDistribution === "AUTO");
  }

  /** Waits for `ms`, or until somebody else's look shows that the stream is not usable. */
  async #whileUsable(ms: number, signal: AbortSignal): Promise<void> {
    const sooner = new AbortController();
    this.#sooner = sooner;
    try {
      await this.#options.clock.sleep(ms, AbortSignal.any([signal, sooner.signal]));
    } catch (error) {
      if (signal.aborted) throw error;
    } finally {
      this.#sooner = null;
    }
  }

  #setFailure(next: SinkFailure | null): void {
    const { log } = this.#options;
    if (next !== null && next.code !== this.#failure?.code) {
      log.warn("the stream is not usable; the worker keeps trying", { reason: next.code, cause: next.message });
    }
    if (next === null && this.#failure !== null) log.info("the stream is usable again");
    this.#failure = next;
    if (next === null) return;
    this.#sooner?.abort();
    this.#tellGone(next);
  }

  #tellGone(failure: SinkFailure): void {
    if (isGone(failure)) for (const listener of this.#goneListeners) listener();
  }

  #setAuto(auto: boolean): void {
    if (auto === this.#auto) return;
    this.#auto = auto;
    const { log, refuseAuto } = this.#options;
    // Where order matters it is a failure, which was told.
    if (!refuseAuto && auto) log.warn("the stream ignores partition keys now (RecordDistributionStrategy AUTO)");
    if (!refuseAuto && !auto) log.warn("the stream follows partition keys again");
    for (const listener of this.#autoListeners) listener();
  }
}

function unusable({ name, status, recordDistribution }: StreamDescription, refuseAuto: boolean): SinkFailure | null {
  if (status !== "ACTIVE" && status !== "UPDATING") {
    return {
      code: "StreamNotActive",
      class: "notReady",
      message: `stream ${name} is ${status}: wait until it is ACTIVE, or name another stream`,
      ambiguous: false,
    };
  }
  return refuseAuto && recordDistribution === "AUTO" ? AUTO_DISTRIBUTION : null;
}
