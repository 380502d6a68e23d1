import { backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { type Sink, SinkError, type SinkFailure, type StreamDescription } from "./sink.ts";

export interface StreamFacts {
  /** As last described; null before the first time. */
  readonly description: StreamDescription | null;
  /** Why records cannot be put now; null when they can, as far as is known. */
  readonly failure: SinkFailure | null;
}

export interface StreamWatch {
  /** Describes until the stream is usable; resolves to its description. Rejects only when `signal` aborts. */
  untilUsable(signal: AbortSignal): Promise<StreamDescription>;
  /** Describes again every few minutes until `signal` aborts, so that an idle worker notices what changed. */
  keepLooking(signal: AbortSignal): Promise<void>;
  facts(): StreamFacts;
}

/** An idle worker's look at the stream; DescribeStreamSummary is limited to 20 calls a second per account. */
const LOOK_EVERY_MS = 300_000;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

/**
 * Watches whether the stream exists, is active, and keeps partition keys (which an ordered sink needs).
 * @param refuseAuto `retainOrdering`: a stream with RecordDistributionStrategy AUTO is refused
 */
export function createStreamWatch(options: {
  sink: Sink;
  refuseAuto: boolean;
  clock: Clock;
  log: Logger;
}): StreamWatch {
  const { sink, refuseAuto, clock, log } = options;
  const retry = backoff({ initial: FIRST_RETRY_MS, max: MAX_RETRY_MS, floor: FIRST_RETRY_MS / 2 });
  let description: StreamDescription | null = null;
  let failure: SinkFailure | null = null;

  const look = async (signal: AbortSignal): Promise<StreamDescription | null> => {
    try {
      const found = await sink.describe(signal);
      description = found;
      const problem = unusable(found, refuseAuto);
      report(problem);
      return problem === null ? found : null;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof SinkError)) throw error;
      report(error);
      return null;
    }
  };

  const report = (next: SinkFailure | null) => {
    if (next !== null && next.code !== failure?.code) {
      log.warn("the stream is not usable; the worker keeps trying", { reason: next.code, cause: next.message });
    }
    if (next === null && failure !== null) log.info("the stream is usable again");
    failure = next;
  };

  const untilUsable = async (signal: AbortSignal) => {
    for (;;) {
      const found = await look(signal);
      if (found !== null) {
        retry.reset();
        return found;
      }
      await clock.sleep(retry.next(), signal);
    }
  };

  return {
    untilUsable,
    keepLooking: async (signal) => {
      for (;;) {
        await clock.sleep(LOOK_EVERY_MS, signal);
        await untilUsable(signal);
      }
    },
    facts: () => ({ description, failure }),
  };
}

function unusable(stream: StreamDescription, refuseAuto: boolean): SinkFailure | null {
  if (stream.status !== "ACTIVE" && stream.status !== "UPDATING") {
    return {
      code: "StreamNotActive",
      class: "notReady",
      message: `stream ${stream.name} is ${stream.status}: wait until it is ACTIVE, or name another stream`,
      ambiguous: false,
    };
  }
  if (refuseAuto && stream.recordDistribution === "AUTO") {
    return {
      code: "RecordDistributionAuto",
      class: "notReady",
      message: `stream ${stream.name} has RecordDistributionStrategy AUTO, which ignores partition keys, so order cannot be kept: set it to USER_PARTITION_KEY, or set spec.config.retainOrdering to false`,
      ambiguous: false,
    };
  }
  return null;
}
