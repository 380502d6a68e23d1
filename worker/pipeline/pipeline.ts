/** From deliveries to acknowledged deliveries: the ordered and the unordered pipeline share this face. */

import type { PoisonCode } from "../format/format.ts";
import type { SinkFailure } from "../sink/sink.ts";
import type { Source, SourceFailure, SourceHandler } from "../source/source.ts";

/** A message that stops its topic-partition (ordered) or stays parked (unordered). */
export interface PoisonReport {
  readonly topic: string;
  readonly messageId: string;
  readonly code: PoisonCode;
  /** One sentence, no payload. */
  readonly message: string;
}

/** How many reports a state names. */
export const REPORTED = 10;

/** Stopped or parked messages above which the sink counts as stalled. */
export const STALLED_ABOVE = 10_000;

/** Counters only grow; gauges are as of the call. Cheap enough to be taken every second. */
export interface PipelineState {
  /** Messages received from the source. */
  readonly received: number;
  /** Messages that Kinesis accepted and the source was told to acknowledge. */
  readonly delivered: number;
  /** Record data of these, bytes. */
  readonly deliveredBytes: number;
  /** Requests sent, Kinesis records sent (aggregates count once), user records sent again. */
  readonly requests: number;
  readonly records: number;
  readonly retries: number;
  /** Records answered as throttled. */
  readonly throttled: number;
  /** Accepted records whose sequence number was not above the lane's last one in that shard (I7). */
  readonly outOfOrder: number;
  readonly deadLettered: number;
  /** Messages of deliveries that the broker says it sent before. */
  readonly redelivered: number;
  /** Epoch milliseconds of the oldest message received and not yet done, within a delivery or two; null when none is pending. */
  readonly oldestPublishTime: number | null;
  /** Messages received and not yet done; bytes they retain; the budget. */
  readonly pending: number;
  readonly pendingBytes: number;
  /** Of the pending ones, those that have not been done within `recordTtl` after they could be sent. */
  readonly overdue: number;
  readonly budgetBytes: number;
  readonly inFlightRequests: number;
  /** The shard that holds up the rest while the budget is full or records are throttled; null when none does. */
  readonly slowestShard: string | null;
  /** Why nothing or not everything can be written now; null when the last requests succeeded. */
  readonly sinkFailure: SinkFailure | null;
  /** Why schemas or dead letters fail now. */
  readonly sourceFailure: SourceFailure | null;
  /** Stopped or parked messages, oldest first, at most 10. */
  readonly poison: readonly PoisonReport[];
  readonly poisonCount: number;
  /** Topic-partitions that hold messages of which none was done for 10 s, or that were closed for it and did not move since. */
  readonly stuckPartitions: number;
  /** Of these, those that were closed, so that others have their memory, and are tried again with one entry. */
  readonly heldBackPartitions: number;
  /** The first of the latter, and why it did not move as far as is known; null when there is none. */
  readonly heldBack: { readonly topic: string; readonly why: string | null } | null;
  /** How often a topic-partition was closed for it. */
  readonly givenBack: number;
}

export interface Pipeline extends SourceHandler {
  /** Starts the source with this pipeline as its handler. */
  start(source: Source): void;
  state(): PipelineState;
  /** Receives no more; resolves when everything pending was delivered and its acknowledgement confirmed, or `deadline` aborts. */
  drain(deadline: AbortSignal): Promise<void>;
  /**
   * Tells the other workers which topic-partitions are left clean: between `drain` and the end of their consumers. Takes a
   * second or two at most.
   */
  leave(): Promise<void>;
  /** Stops timers and aborts requests. What was not acknowledged comes again elsewhere. */
  close(): void;
}
