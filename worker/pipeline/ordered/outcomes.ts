/** What the outcome of a record means for its lanes: which message may be sent next, and when. */

import { fullJitter } from "../../../runtime/backoff.ts";
import { isGone, type SinkFailure } from "../../sink/sink.ts";
import type { Counters } from "../counters.ts";
import type { Settings } from "../options.ts";
import type { Accepted, OutcomeHandler } from "../requests/neighbours.ts";
import { restMs } from "../retry.ts";
import type { Aggregate, Collected } from "../shards/aggregate.ts";
import type { Collector } from "../shards/collector.ts";
import type { ShardQueues } from "../shards/shard-queues.ts";
import { IN_TRANSIT_MS } from "./fencing.ts";
import type { Lane, OrderedUserRecord } from "./lane.ts";
import { type Lanes, lanesOf, type OrderedWaiting } from "./lanes.ts";
import type { OrderedProgress } from "./progress.ts";

/** After so many aggregates in a row that landed in a wrong shard, a lane's messages are not aggregated. */
const WRONG_SHARD_LIMIT = 2;

export type OrderedRecord = Collected<OrderedUserRecord>;

export interface OutcomeNeighbours {
  readonly queues: ShardQueues<OrderedWaiting>;
  readonly lanes: Lanes;
  readonly collector: Collector<OrderedUserRecord>;
  readonly progress: OrderedProgress;
}

export class OrderedOutcomes implements OutcomeHandler<OrderedRecord> {
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #queues: ShardQueues<OrderedWaiting>;
  readonly #lanes: Lanes;
  readonly #collector: Collector<OrderedUserRecord>;
  readonly #progress: OrderedProgress;

  constructor(settings: Settings, counters: Counters, neighbours: OutcomeNeighbours) {
    this.#settings = settings;
    this.#counters = counters;
    this.#queues = neighbours.queues;
    this.#lanes = neighbours.lanes;
    this.#collector = neighbours.collector;
    this.#progress = neighbours.progress;
  }

  accepted(record: OrderedRecord, outcome: Accepted): void {
    if (record.userRecords === null) this.#acceptedUserRecord(record, outcome);
    else if (this.#collector.landed(record, outcome)) this.#acceptedAggregate(record, outcome);
    else this.#wrongShard(record);
  }

  failed(record: OrderedRecord, failure: SinkFailure, down: boolean): void {
    if (failure.class === "throttled") {
      const { shardId } = record.userRecords === null ? this.#lanes.queueOf(record.lane) : record.slot;
      this.#queues.throttled(shardId);
    } else if (isGone(failure)) this.#queues.gone();
    if (failure.ambiguous) this.#uncertain(record);
    if (record.userRecords === null) this.#failedUserRecord(record, failure, down);
    else if (failure.class === "invalid") this.#sendUnaggregated(record);
    else {
      const ms = this.#restMs(failure, record.attempt);
      if (!down) record.attempt += 1;
      this.#lanes.rest(record, ms);
    }
  }

  refused(record: OrderedRecord, failure: SinkFailure): void {
    if (record.userRecords !== null) this.#sendUnaggregated(record);
    else if (record.isWithdrawn) this.#lanes.remove(record);
    else this.#progress.refused(record, failure);
  }

  settled(): void {
    this.#progress.settled();
  }

  #acceptedUserRecord(record: OrderedUserRecord, { shardId, sequenceNumber }: Accepted): void {
    const { lane } = record;
    if (record.isWithdrawn) {
      this.#lanes.endTurn(lane);
      return;
    }
    this.#queues.landed(this.#lanes.queueOf(lane).shardId, shardId, lane.shardId);
    if (!lane.inOrder(shardId, sequenceNumber, this.#queues.life)) {
      this.#queues.doubted();
      this.#counters.outOfOrder += 1;
      this.#counters.retries += 1;
      lane.attempt += 1;
      this.#lanes.rest(lane, this.#backOff(lane.attempt - 1));
      return;
    }
    lane.removeHead();
    this.#lanes.endTurn(lane);
    this.#progress.delivered(record);
  }

  #acceptedAggregate(aggregate: Aggregate<OrderedUserRecord>, { shardId, sequenceNumber }: Accepted): void {
    const lanes = lanesOf(aggregate);
    for (const lane of lanes) lane.wrongShard = 0;
    let rewound: Lane | null = null;
    let last: Lane | null = null;
    for (const record of aggregate.userRecords) {
      const { lane } = record;
      if (record.isWithdrawn) continue;
      if (lane !== last && !lane.inOrder(shardId, sequenceNumber, this.#queues.life)) rewound = lane;
      last = lane;
      if (lane === rewound) this.#counters.retries += 1;
      else {
        lane.removeHead();
        this.#progress.delivered(record);
      }
    }
    if (rewound !== null) {
      this.#counters.outOfOrder += 1;
      this.#queues.doubted();
    }
    for (const lane of lanes) this.#lanes.endTurn(lane);
  }

  /** A consumer drops the aggregate whole: all of it goes again, before anything else of its keys. */
  #wrongShard(aggregate: Aggregate<OrderedUserRecord>): void {
    const ms = this.#backOff(0);
    this.#counters.retries += aggregate.userRecords.length;
    for (const lane of lanesOf(aggregate)) {
      lane.wrongShard += 1;
      if (lane.wrongShard >= WRONG_SHARD_LIMIT) lane.sendUnaggregated(countOf(aggregate, lane));
      this.#lanes.rest(lane, ms);
    }
  }

  /** The aggregate was refused for its content: its messages go unaggregated, so that the poison is found. */
  #sendUnaggregated(aggregate: Aggregate<OrderedUserRecord>): void {
    for (const lane of lanesOf(aggregate)) {
      lane.sendUnaggregated(countOf(aggregate, lane));
      this.#lanes.endTurn(lane);
    }
  }

  #failedUserRecord(record: OrderedUserRecord, failure: SinkFailure, down: boolean): void {
    const { lane } = record;
    if (record.isWithdrawn) {
      this.#lanes.endTurn(lane);
      return;
    }
    if (failure.class !== "invalid") {
      const ms = this.#restMs(failure, lane.attempt);
      if (!down) lane.attempt += 1;
      this.#lanes.rest(lane, ms);
      return;
    }
    // Refused alone: the breaker waits, and the next request has to carry it together with others to find out why.
    if (!down) lane.attempt += 1;
    if (!lane.unaggregated) lane.sendUnaggregated(1);
    this.#lanes.enqueue(lane);
  }

  /** It may still be executed, for a while. */
  #uncertain(record: OrderedRecord): void {
    const until = this.#settings.clock.now() + IN_TRANSIT_MS;
    for (const { assignment } of record.userRecords ?? [record]) assignment.uncertainUntil = until;
  }

  #restMs(failure: SinkFailure, attempt: number): number {
    return restMs(failure, this.#backOff(attempt), IN_TRANSIT_MS);
  }

  #backOff(attempt: number): number {
    return fullJitter(this.#settings.retry, attempt, this.#settings.random);
  }
}

function countOf({ userRecords }: Aggregate<OrderedUserRecord>, lane: Lane): number {
  let count = 0;
  for (const record of userRecords) if (record.lane === lane) count += 1;
  return count;
}
