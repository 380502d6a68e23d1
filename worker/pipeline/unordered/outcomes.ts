/** What the outcome of a record means for its messages: done, tried again, or poison. */

import { fullJitter } from "../../../runtime/backoff.ts";
import { isGone, type SinkFailure } from "../../sink/sink.ts";
import type { Counters } from "../counters.ts";
import { rejected } from "../intake/encoding.ts";
import type { Settings } from "../options.ts";
import type { Accepted, OutcomeHandler } from "../requests/neighbours.ts";
import { restMs } from "../retry.ts";
import type { Aggregate } from "../shards/aggregate.ts";
import type { Collector } from "../shards/collector.ts";
import type { ShardQueues } from "../shards/shard-queues.ts";
import type { Admission } from "./admission.ts";
import type { Attempts, UnorderedRecord } from "./attempts.ts";
import type { Parking } from "./parking.ts";
import type { UnorderedProgress } from "./progress.ts";
import type { Redelivery } from "./redelivery.ts";
import type { UnorderedUserRecord } from "./user-record.ts";

export interface OutcomeNeighbours {
  readonly queues: ShardQueues<UnorderedRecord>;
  readonly collector: Collector<UnorderedUserRecord>;
  readonly attempts: Attempts;
  readonly admission: Admission;
  readonly progress: UnorderedProgress;
  readonly parking: Parking;
  readonly redelivery: Redelivery;
}

export class UnorderedOutcomes implements OutcomeHandler<UnorderedRecord> {
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #neighbours: OutcomeNeighbours;

  constructor(settings: Settings, counters: Counters, neighbours: OutcomeNeighbours) {
    this.#settings = settings;
    this.#counters = counters;
    this.#neighbours = neighbours;
  }

  accepted(record: UnorderedRecord, outcome: Accepted): void {
    const { queues, collector } = this.#neighbours;
    if (record.userRecords === null) {
      queues.landed(queues.queueOf(record.partitionKey).shardId, outcome.shardId, "");
      this.#delivered(record);
    } else if (collector.landed(record, outcome)) {
      for (const each of record.userRecords) this.#delivered(each);
    } else this.#wrongShard(record);
  }

  failed(record: UnorderedRecord, failure: SinkFailure, down: boolean): void {
    const { queues, attempts } = this.#neighbours;
    if (failure.class === "throttled") queues.throttled(queues.queueOf(record.routingKey).shardId);
    else if (isGone(failure)) queues.gone();
    // Not alone in its request: the breaker waits, and the next one has to carry others to find out what is refused.
    if (failure.class === "invalid") {
      this.#sendUnaggregated(record);
      return;
    }
    if (record.userRecords === null) {
      if (!record.isWanted) {
        this.#resolve(record, false);
        return;
      }
    } else for (const each of record.userRecords) if (!each.isWanted) this.#resolve(each, false);
    const { retry, random, clock } = this.#settings;
    const ms = restMs(failure, fullJitter(retry, record.attempt, random), 0);
    if (!down) record.attempt += 1;
    attempts.pushAt(record, clock.now() + ms);
  }

  refused(record: UnorderedRecord, failure: SinkFailure): void {
    if (record.userRecords !== null) this.#sendUnaggregated(record);
    else if (record.isWanted) this.#neighbours.admission.poisoned(record.openDelivery, record.index, rejected(failure));
    else this.#resolve(record, false);
  }

  settled(): void {
    this.#neighbours.progress.settled();
  }

  #delivered(record: UnorderedUserRecord): void {
    const { openDelivery, index, dataBytes } = record;
    this.#counters.delivered += 1;
    this.#counters.deliveredBytes += dataBytes;
    if (!record.isWanted) {
      this.#resolve(record, true);
      return;
    }
    if (this.#neighbours.parking.remove(openDelivery, index)) openDelivery.delivery.setAside?.(-1);
    this.#neighbours.progress.done(openDelivery, index);
  }

  /** A consumer drops the aggregate whole. */
  #wrongShard({ userRecords }: Aggregate<UnorderedUserRecord>): void {
    const { retry, random, clock } = this.#settings;
    this.#counters.retries += userRecords.length;
    const at = clock.now() + fullJitter(retry, 0, random);
    for (const record of userRecords) {
      record.wrongShard();
      if (record.isWanted) this.#neighbours.attempts.pushAt(record, at);
      else this.#resolve(record, false);
    }
  }

  /** Refused for its content: its messages go unaggregated, so that the poison is found. */
  #sendUnaggregated(record: UnorderedRecord): void {
    for (const each of record.userRecords ?? [record]) {
      each.sendUnaggregated();
      if (each.isWanted) this.#neighbours.attempts.push(each);
      else this.#resolve(each, false);
    }
  }

  /** The assignment of the message ended: it may have come again on another one, and waits there for this outcome. */
  #resolve(record: UnorderedUserRecord, accepted: boolean): void {
    const place = this.#neighbours.redelivery.landed(record, accepted);
    if (place === null) return;
    if (accepted) this.#neighbours.progress.done(place.openDelivery, place.index);
    else this.#neighbours.admission.admitAgain(place.openDelivery, place.index);
  }
}
