/**
 * Fills batches from the shards' queues: aggregates of what waits for one predicted shard; a record that finds no other
 * one, or whose shard is not known, goes as it is.
 */
import type { Settings } from "../options.ts";
import { add, admits, type Batch } from "../requests/batch.ts";
import type { Accepted, Supply } from "../requests/neighbours.ts";
import type { Aggregate, Collected, Waiting } from "./aggregate.ts";
import { type AggregateLimit, createAggregateLimit } from "./aggregate-limit.ts";
import { createOpenAggregate } from "./open-aggregate.ts";
import type { ShardQueue } from "./shard-queue.ts";
import type { ShardQueues } from "./shard-queues.ts";
import type { UserRecord } from "./user-record.ts";

export interface Collector<U extends UserRecord<U>> extends Supply<Collected<U>> {
  /** An aggregate was accepted; false: a consumer of its shard drops it, or may do so. */
  landed(aggregate: Aggregate<U>, accepted: Accepted): boolean;
}

/** Where the collector leaves what it may not send. */
export interface UnsentHandler<U extends UserRecord<U>> {
  /** It left its queue: it may not be written now, or, an aggregate, not as it is. */
  unsent(waiting: Waiting<U>): void;
}

export interface CollectorOptions {
  /** Records of a shard that may be in flight; beyond the first one only full aggregates go. */
  readonly slots: number;
  /** Nothing waits for other records now. */
  readonly flushNow: () => boolean;
}

export function createCollector<U extends UserRecord<U>>(
  settings: Settings,
  queues: ShardQueues<Waiting<U>>,
  unsent: UnsentHandler<U>,
  options: CollectorOptions,
): Collector<U> {
  return new ShardCollector<U>(settings, queues, unsent, options);
}

/** How serving a queue goes on: with what waits behind, with the next queue, or with another batch. */
type Next = "value" | "queue" | "batch";

class ShardCollector<U extends UserRecord<U>> implements Collector<U> {
  readonly #settings: Settings;
  readonly #queues: ShardQueues<Waiting<U>>;
  readonly #unsent: UnsentHandler<U>;
  readonly #slots: number;
  readonly #flushNow: () => boolean;
  readonly #limit: AggregateLimit;
  /** Of the last aggregate. */
  #bytesPerUserRecord = 0;

  constructor(
    settings: Settings,
    queues: ShardQueues<Waiting<U>>,
    unsent: UnsentHandler<U>,
    { slots, flushNow }: CollectorOptions,
  ) {
    this.#settings = settings;
    this.#queues = queues;
    this.#unsent = unsent;
    this.#slots = slots;
    this.#flushNow = flushNow;
    this.#limit = createAggregateLimit(settings.limits, settings.rateLimit);
  }

  /** A stream that ignores hash keys keeps no order. */
  get paused(): boolean {
    return this.#settings.ordered && this.#queues.auto;
  }

  takeArrived(): number {
    return this.#queues.takeArrived();
  }

  waiting(): number {
    return this.#queues.waiting();
  }

  fill(batch: Batch<Collected<U>>, now: number): void {
    if (this.paused) return;
    const { listed } = this.#queues;
    let restsUntil = Number.POSITIVE_INFINITY;
    let count = 0;
    let full = false;
    while (!full && count < listed.length) {
      const queue = listed[count] as ShardQueue<Waiting<U>>;
      full = this.#serve(queue, batch, now);
      if (queue.restsUntil > now) restsUntil = Math.min(restsUntil, queue.restsUntil);
      count += 1;
    }
    this.#queues.served(count, restsUntil);
  }

  returned(record: Collected<U>): void {
    if (record.slot === null) return;
    record.slot.free();
    if (record.userRecords === null) record.slot = null;
  }

  landed(aggregate: Aggregate<U>, { shardId, sequenceNumber }: Accepted): boolean {
    const { slot, userRecords, sentAt, version } = aggregate;
    this.#limit.tookMs(this.#settings.clock.now() - sentAt);
    this.#queues.landed(slot.shardId, shardId, "");
    if (!this.#queues.holds(shardId, sequenceNumber, slot.shardId, version)) return false;
    if (slot.shardId === shardId && version === this.#queues.version) return true;
    return userRecords.every(({ partitionKey }) => this.#queues.contains(shardId, partitionKey));
  }

  /** Moves what may go now from a queue into the batch; true: the batch is full. */
  #serve(queue: ShardQueue<Waiting<U>>, batch: Batch<Collected<U>>, now: number): boolean {
    queue.offered();
    if (queue.isBlocked(now)) return false;
    // Where the shard is not known nobody could tell that a consumer drops an aggregate, so there is none.
    const aggregates = this.#settings.aggregation && queue.shardId !== null && !this.#queues.auto;
    const { waiting } = queue;
    for (let value = waiting.peek(); value !== undefined; value = waiting.peek()) {
      const next =
        value.userRecords === null
          ? this.#sendNext(value, queue, aggregates, batch, now)
          : this.#sendAgain(value, queue, aggregates, batch, now);
      if (next !== "value") return next === "batch";
    }
    return false;
  }

  #sendAgain(
    aggregate: Aggregate<U>,
    queue: ShardQueue<Waiting<U>>,
    aggregates: boolean,
    batch: Batch<Collected<U>>,
    now: number,
  ): Next {
    if (!aggregates || aggregate.version !== this.#queues.version || !aggregate.mayWrite(now)) {
      return this.#leave(aggregate, queue);
    }
    if (queue.slot.inFlight >= this.#slots) return "queue";
    if (!admits(batch, aggregate, this.#settings.limits)) return "batch";
    if (!queue.pay(1, aggregate.bytes)) return "queue";
    queue.waiting.shift();
    this.#send(aggregate, batch);
    return "value";
  }

  #sendNext(
    value: U["queued"],
    queue: ShardQueue<Waiting<U>>,
    aggregates: boolean,
    batch: Batch<Collected<U>>,
    now: number,
  ): Next {
    const record = value.first(now);
    if (record === null) return this.#leave(value, queue);
    if (aggregates && !value.unaggregated) return this.#sendPacked(queue, batch, now);
    if (!admits(batch, record, this.#settings.limits)) return "batch";
    if (!queue.pay(1, record.bytes)) return "queue";
    queue.waiting.shift();
    // A stream that ignores keys could take an aggregate of one to where a consumer drops it.
    if (this.#settings.aggregation && !this.#queues.auto) record.travelAlone();
    else record.travelAsIs();
    add(batch, record);
    return "value";
  }

  #leave(value: Waiting<U>, queue: ShardQueue<Waiting<U>>): Next {
    queue.waiting.shift();
    this.#unsent.unsent(value);
    return "value";
  }

  /** Packs and sends one record of the queue. */
  #sendPacked(queue: ShardQueue<Waiting<U>>, batch: Batch<Collected<U>>, now: number): Next {
    const { limits } = this.#settings;
    const { slot, waiting } = queue;
    if (slot.inFlight >= this.#slots) return "queue";
    const fills = waiting.length * this.#bytesPerUserRecord >= this.#limit.bytes;
    if (!fills && (slot.inFlight > 0 || this.#lingers(queue, now))) return "queue";
    const count = batch.records.length;
    if (count > 0 && batch.bytes + this.#limit.bytes > limits.maxBytes) return "batch";
    if (count > 0 && count >= Math.min(limits.maxRecords, batch.room)) return "batch";
    // Nothing is packed for a shard that takes nothing now, so that it can still fill.
    if (!queue.pay(0, 0)) return "queue";
    const record = this.#pack(queue, now);
    const fits = admits(batch, record, limits);
    if (!fits || !queue.pay(1, record.bytes)) {
      waiting.unshift(record.userRecords === null ? record.queued : record);
      return fits ? "queue" : "batch";
    }
    if (record.userRecords === null) {
      slot.take();
      record.slot = slot;
      add(batch, record);
    } else this.#send(record, batch);
    return "value";
  }

  #lingers(queue: ShardQueue<Waiting<U>>, now: number): boolean {
    const { lingerMs } = this.#settings;
    return lingerMs > 0 && !this.#flushNow() && queue.lingers(lingerMs, now);
  }

  #pack({ waiting, slot }: ShardQueue<Waiting<U>>, now: number): Collected<U> {
    const open = createOpenAggregate<U>(this.#limit.bytes);
    for (let value = waiting.peek(); value !== undefined && value.userRecords === null; value = waiting.peek()) {
      let record = value.first(now);
      if (record === null) {
        waiting.shift();
        this.#unsent.unsent(value);
        continue;
      }
      if (value.unaggregated || !open.fits(record)) break;
      waiting.shift();
      do {
        open.add(record);
        record = record.following;
      } while (record !== null && open.fits(record));
      if (record !== null) break;
    }
    return open.close(slot, this.#queues.version);
  }

  #send(aggregate: Aggregate<U>, batch: Batch<Collected<U>>): void {
    this.#bytesPerUserRecord = aggregate.bytes / aggregate.userRecords.length;
    aggregate.sentAt = this.#settings.clock.now();
    aggregate.slot.take();
    add(batch, aggregate);
  }
}
