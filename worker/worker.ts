/** The life of one worker: stream described → source subscribed → messages flow → drained. */
import type { KinesisSink } from "../crds/kinesissink.generated.ts";
import { subscriptionName } from "../crds/subscription.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import { createBacklog } from "./report/backlog.ts";
import type { StartFailure, WorkerFacts } from "./report/facts.ts";
import { createLastingFailure } from "./report/lasting-failure.ts";
import { createRate } from "./report/rate.ts";
import type { Sink, StreamDescription } from "./sink/sink.ts";
import type { StreamWatch } from "./sink/stream-watch.ts";
import type { Source } from "./source/source.ts";

/** What a worker is made of. The pipeline comes last, since its limits are the stream's. */
export interface WorkerParts {
  readonly sink: Sink;
  readonly streamWatch: StreamWatch;
  /** Null without `spec.pulsar.adminUrl`. */
  readonly adminGet: ((path: string, signal: AbortSignal) => Promise<unknown>) | null;
  connect(stream: StreamDescription): Promise<{ source: Source; pipeline: Pipeline }>;
}

export interface Worker {
  /** Begins in the background; what hinders it shows in `facts()`. */
  start(): void;
  /** Cheap; call it every second or so, for rates are sampled by it. */
  facts(): WorkerFacts;
  /** Receives no more, delivers and acknowledges what is pending; resolves then, or when `deadline` aborts. */
  drain(deadline: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const BACKLOG_EVERY_MS = 30_000;

export function createWorker(options: {
  manifest: KinesisSink;
  parts: WorkerParts;
  pod: string;
  configHash: string | null;
  clock: Clock;
  log: Logger;
}): Worker {
  const { manifest, parts, clock, log } = options;
  const startedAt = clock.wall();
  const stop = new AbortController();
  const watch = parts.streamWatch;
  const lasting = createLastingFailure();
  const rates = { messages: createRate(), bytes: createRate(), records: createRate(), throttled: createRate() };
  let running: { source: Source; pipeline: Pipeline } | null = null;
  let startFailure: StartFailure | null = null;
  let backlog: number | null = null;
  let draining = false;
  let background: Promise<unknown> = Promise.resolve();

  const run = async () => {
    const stream = await watch.untilUsable(stop.signal);
    log.info("the stream is usable", { stream: stream.name, shards: stream.openShards, mode: stream.mode });
    const connected = await parts.connect(stream);
    if (stop.signal.aborted) return;
    running = connected;
    connected.pipeline.start(connected.source);
    await Promise.all([watch.keepLooking(stop.signal), readBacklogForEver(connected.source)]);
  };

  const sample = () => {
    if (running === null) return;
    const state = running.pipeline.state();
    const now = clock.now();
    rates.messages.sample(now, state.delivered);
    rates.bytes.sample(now, state.deliveredBytes);
    rates.records.sample(now, state.records);
    rates.throttled.sample(now, state.throttled);
    lasting.sample(now, state);
  };

  const readBacklogForEver = async (source: Source) => {
    if (parts.adminGet === null) return;
    const read = createBacklog({
      get: parts.adminGet,
      subscription: subscriptionName(manifest),
      topics: () => source.state().activeTopics,
      log,
    });
    for (;;) {
      backlog = await read(stop.signal);
      await clock.sleep(BACKLOG_EVERY_MS, stop.signal);
    }
  };

  return {
    start: () => {
      background = run().catch((error: unknown) => {
        if (stop.signal.aborted) return;
        const { code, message } = error as { code?: unknown; message?: unknown };
        startFailure = {
          code: typeof code === "string" && /^[A-Za-z]+$/.test(code) ? code : "InvalidConfiguration",
          message: String(message),
        };
        log.error("the worker cannot begin", { error });
      });
    },
    facts: () => {
      sample();
      const pipeline = running?.pipeline.state() ?? null;
      const records = rates.records.perSecond();
      return {
        pod: options.pod,
        configHash: options.configHash,
        startedAt,
        now: clock.wall(),
        draining,
        ordered: manifest.spec.config.retainOrdering,
        client: running?.source.client ?? null,
        startFailure,
        source: running?.source.state() ?? null,
        pipeline,
        stream: { description: watch.description, failure: watch.failure ?? lasting.failure() },
        rate: rates.messages.perSecond(),
        bytesRate: rates.bytes.perSecond(),
        throttledPercent: records === 0 ? 0 : (100 * rates.throttled.perSecond()) / records,
        backlog,
      };
    },
    drain: async (deadline) => {
      draining = true;
      if (running === null) return;
      await running.pipeline.drain(deadline);
    },
    close: async () => {
      stop.abort();
      running?.pipeline.close();
      await running?.source.close();
      parts.sink.close();
      await background;
    },
  };
}
