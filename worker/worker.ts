/** The life of one worker: stream described → source subscribed → messages flow → drained. */
import type { KinesisSink } from "../crds/kinesissink.generated.ts";
import { subscriptionName } from "../crds/subscription.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import { type AdminGet, type Backlog, createBacklog } from "./report/backlog.ts";
import type { StartFailure, WorkerFacts } from "./report/facts.ts";
import { createLastingFailure } from "./report/lasting-failure.ts";
import { createThroughput } from "./report/throughput.ts";
import type { Sink, StreamDescription } from "./sink/sink.ts";
import type { StreamWatch } from "./sink/stream-watch.ts";
import type { Source, SourceFailure, SourceState } from "./source/source.ts";

/** What a worker is made of. Source and pipeline come last, since the pipeline's limits are the stream's. */
export interface WorkerParts {
  readonly sink: Sink;
  readonly streamWatch: StreamWatch;
  /** Null without `spec.pulsar.adminUrl`. */
  readonly adminGet: AdminGet | null;
  connect(stream: StreamDescription): Promise<Flow>;
  /** Whether Pulsar lets this worker in; null when it does. Subscribes to nothing. Rejects only when `signal` aborts. */
  probeSource(signal: AbortSignal): Promise<SourceFailure | null>;
}

interface Flow {
  readonly source: Source;
  readonly pipeline: Pipeline;
}

export interface Worker {
  /** Begins, and returns; what hinders it shows in `facts()`. */
  start(): void;
  /** Cheap; call it every second or so, for rates are sampled by it. */
  facts(): WorkerFacts;
  /** Whether the age of the backlog is looked at from now on: brokers read a message of each topic-partition for it. */
  watchBacklogAge(wanted: boolean): void;
  /** Receives no more, delivers and acknowledges what is pending; resolves then, or when `deadline` aborts. */
  drain(deadline: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface WorkerOptions {
  readonly manifest: KinesisSink;
  readonly parts: WorkerParts;
  readonly pod: string;
  readonly configHash: string | null;
  readonly clock: Clock;
  readonly log: Logger;
}

const BACKLOG_EVERY_MS = 30_000;
/** A stream that is well is described before. */
const PROBE_AFTER_MS = 2000;
const PROBE_EVERY_MS = 30_000;

export function createWorker(options: WorkerOptions): Worker {
  return new SinkWorker(options);
}

class SinkWorker implements Worker {
  readonly #options: WorkerOptions;
  readonly #startedAt: number;
  readonly #stop = new AbortController();
  readonly #throughput = createThroughput();
  readonly #lastingFailure = createLastingFailure();
  /** Null until the stream is usable. */
  #flow: Flow | null = null;
  #startFailure: StartFailure | null = null;
  /** Why Pulsar would not let this worker in, as long as the stream keeps it from subscribing; null when it would. */
  #sourceFailure: SourceFailure | null = null;
  #backlog: Backlog | null = null;
  #withAge: boolean;
  #draining = false;
  /** Resolves when nothing runs in the background any more. */
  #ended: Promise<void> = Promise.resolve();

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#startedAt = options.clock.wall();
    this.#withAge = options.manifest.spec.autoscaling?.targetLagSeconds !== undefined;
  }

  start(): void {
    this.#ended = this.#run().catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#startFailure = startFailure(error);
      this.#options.log.error("the worker cannot begin", { error });
    });
  }

  facts(): WorkerFacts {
    this.#sample();
    const { manifest, parts, pod, configHash, clock } = this.#options;
    const { description, failure } = parts.streamWatch;
    return {
      pod,
      configHash,
      startedAt: this.#startedAt,
      now: clock.wall(),
      draining: this.#draining,
      ordered: manifest.spec.config.retainOrdering,
      client: this.#flow?.source.client ?? null,
      startFailure: this.#startFailure,
      source: this.#flow?.source.state() ?? unsubscribed(this.#sourceFailure),
      pipeline: this.#flow?.pipeline.state() ?? null,
      stream: { description, failure: failure ?? this.#lastingFailure.failure() },
      rate: this.#throughput.messages(),
      bytesRate: this.#throughput.bytes(),
      throttledPercent: this.#throughput.throttledPercent(),
      backlog: this.#backlog?.entries ?? null,
      backlogAge: this.#backlog?.ageSeconds ?? null,
    };
  }

  watchBacklogAge(wanted: boolean): void {
    this.#withAge = wanted;
  }

  async drain(deadline: AbortSignal): Promise<void> {
    this.#draining = true;
    await this.#flow?.pipeline.drain(deadline);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#flow?.pipeline.leave();
    this.#flow?.pipeline.close();
    await this.#flow?.source.close();
    this.#options.parts.sink.close();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { parts, log } = this.#options;
    const { signal } = this.#stop;
    const stream = await this.#usableStream(signal);
    log.info("the stream is usable", { stream: stream.name, shards: stream.openShards, mode: stream.mode });
    const flow = await parts.connect(stream);
    if (signal.aborted) return;
    this.#flow = flow;
    flow.pipeline.start(flow.source);
    await Promise.all([parts.streamWatch.keepLooking(signal), this.#keepReadingBacklog(flow.source)]);
  }

  /** Both sides are tried, so that whoever has to mend them learns of both at once. */
  async #usableStream(signal: AbortSignal): Promise<StreamDescription> {
    const usable = new AbortController();
    void this.#keepProbing(AbortSignal.any([signal, usable.signal]));
    try {
      return await this.#options.parts.streamWatch.untilUsable(signal);
    } finally {
      usable.abort();
      this.#sourceFailure = null;
    }
  }

  async #keepProbing(signal: AbortSignal): Promise<void> {
    const { parts, clock, log } = this.#options;
    try {
      for (let wait = PROBE_AFTER_MS; ; wait = PROBE_EVERY_MS) {
        await clock.sleep(wait, signal);
        const failure = await parts.probeSource(signal);
        signal.throwIfAborted();
        this.#sourceFailure = failure;
      }
    } catch (error) {
      if (!signal.aborted) log.warn("Pulsar is not tried any more before the stream is usable", { error });
    }
  }

  async #keepReadingBacklog(source: Source): Promise<void> {
    const { manifest, parts, clock, log } = this.#options;
    if (parts.adminGet === null) return;
    const read = createBacklog({
      get: parts.adminGet,
      subscription: subscriptionName(manifest),
      topics: () => source.state().activeTopics,
      withAge: () => this.#withAge,
      wall: () => clock.wall(),
      log,
    });
    for (;;) {
      this.#backlog = await read(this.#stop.signal);
      await clock.sleep(BACKLOG_EVERY_MS, this.#stop.signal);
    }
  }

  #sample(): void {
    if (this.#flow === null) return;
    const state = this.#flow.pipeline.state();
    const now = this.#options.clock.now();
    this.#throughput.sample(now, state);
    this.#lastingFailure.sample(now, state);
  }
}

/** What is known of a source before there is one. */
function unsubscribed(failure: SourceFailure | null): SourceState | null {
  if (failure === null) return null;
  return { connected: false, failure, partitions: 0, activePartitions: 0, activeTopics: [], endedPartitions: 0 };
}

function startFailure(error: unknown): StartFailure {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return {
    code: typeof code === "string" && /^[A-Za-z]+$/.test(code) ? code : "InvalidConfiguration",
    message: String(message),
  };
}
