import type { RetryDelays } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import type { Format } from "../format/format.ts";
import type { RequestLimits, Sink } from "../sink/sink.ts";
import type { StreamWatch } from "../sink/stream-watch.ts";
import type { Message } from "../source/source.ts";
import type { Budget } from "./budget.ts";
import { noPeers, type Peers } from "./peers.ts";

export interface PipelineOptions {
  /** `retainOrdering` */
  readonly ordered: boolean;
  readonly format: Format;
  /** 1 to 256 UTF-16 units. */
  readonly partitionKey: (message: Message, topic: string) => string;
  readonly sink: Sink;
  /** Of the same stream. */
  readonly streamWatch: StreamWatch;
  readonly limits: RequestLimits;
  /** `retryInitialDelayInMillis`, `retryMaxDelayInMillis` */
  readonly retry: RetryDelays;
  /** Milliseconds that pass before a topic-partition is first written for that another worker may have had. Ordered only. */
  readonly handoverWaitMs: number;
  /** The other workers of the sink. Default: none is known. Ordered only. */
  readonly peers?: Peers;
  /** `maxConnections` */
  readonly maxConcurrentRequests: number;
  /** The same one that the source asks. */
  readonly budget: Budget;
  /** Where messages go that can never be delivered; null: they stop their topic-partition, or stay parked. */
  readonly deadLetterTopic: string | null;
  /** `aggregationEnabled`: packs user records into Kinesis records in the KPL's format. */
  readonly aggregation: boolean;
  /**
   * `lingerMillis`: milliseconds that a message may wait for others of its shard, so that they share an aggregate. It is
   * cut short where that would cost throughput.
   */
  readonly lingerMs: number;
  /** `rateLimit`: percent of each shard's limits that may be used. */
  readonly rateLimit: number;
  /** `recordTtl`: messages that are not done after so many milliseconds are counted, and tried on. */
  readonly recordTtlMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
  /** Runs the callback at the end of this turn of the event loop. Default `setImmediate`. */
  readonly nextTurn?: (callback: () => void) => void;
}

/** The options with nothing left open. */
export type Settings = Required<PipelineOptions>;

export function settings(options: PipelineOptions): Settings {
  return {
    random: Math.random,
    peers: noPeers,
    nextTurn: (callback) => setImmediate(callback),
    ...options,
  };
}
