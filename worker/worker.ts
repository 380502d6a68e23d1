/** The life of one worker: stream described → source subscribed → messages flow → drained. */
import type { KinesisSink } from "../crds/kinesissink.generated.ts";
import { subscriptionName } from "../crds/subscription.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import { type AdminGet, createBacklog } from "./report/backlog.ts";
import type { StartFailure, WorkerFacts } from "./report/facts.ts";
import { createLastingFailure } from "./report/lasting-failure.ts";
import { createThroughput } from "./report/throughput.ts";
import type { Sink, StreamDescription } from "./sink/sink.ts";
import type { StreamWatch } from "./sink/stream-watch.ts";
import type { Source } from "./source/source.ts";

/** What a worker is made of. Source and pipeline come last, since the pipeline's limits are the stream's. */
export interface WorkerParts {
  readonly sink: Sink;
  readonly streamWatch: StreamWatch;
  /** Null without `spec.pulsar.adminUrl`. */
  readonly adminGet: AdminGet | null;
  connect(stream: StreamDescription): Promise<Flow>;
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
  #backlog: number | null = null;
  #draining = false;
  /** Resolves when nothing runs in the background any more. */
  #ended: Promise<void> = Promise.resolve();

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#startedAt = options.clock.wall();
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
      source: this.#flow?.source.state() ?? null,
      pipeline: this.#flow?.pipeline.state() ?? null,
      stream: { description, failure: failure ?? this.#lastingFailure.failure() },
      rate: this.#throughput.messages(),
      bytesRate: this.#throughput.bytes(),
      throttledPercent: this.#throughput.throttledPercent(),
      backlog: this.#backlog,
    };
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
    const stream = await parts.streamWatch.untilUsable(signal);
    log.info("the stream is usable", { stream: stream.name, shards: stream.openShards, mode: stream.mode });
    const flow = await parts.connect(stream);
    if (signal.aborted) return;
    this.#flow = flow;
    flow.pipeline.start(flow.source);
    await Promise.all([parts.streamWatch.keepLooking(signal), this.#keepReadingBacklog(flow.source)]);
  }

  async #keepReadingBacklog(source: Source): Promise<void> {
    const { manifest, parts, clock, log } = this.#options;
    if (parts.adminGet === null) return;
    const read = createBacklog({
      get: parts.adminGet,
      subscription: subscriptionName(manifest),
      topics: () => source.state().activeTopics,
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

function startFailure(error: unknown): StartFailure {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return {
    code: typeof code === "string" && /^[A-Za-z]+$/.test(code) ? code : "InvalidConfiguration",
    message: String(message),
  };
}
