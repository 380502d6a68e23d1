/**
 * Fills batches from the queues: aggregates of what waits for one predicted shard; a record that has no company, or whose
 * shard is not known, goes as it is.
 */

import type { Settings } from "../options.ts";
import { add, admits, type Batch, emptyBatch, type OutboundRecord } from "../requests/batch.ts";
import type { Aggregate, ShardSlot } from "./aggregate.ts";
import { type AggregateLimit, createAggregateLimit } from "./aggregate-limit.ts";
import { createOpenAggregate } from "./open-aggregate.ts";
import type { Pay, Server, ShardQueue, ShardQueues } from "./shard-queues.ts";

/** Lingering aggregates leave in common steps, so that one request carries those of many shards: milliseconds. */
const LINGER_STEP_MS = 10;

/** What the collector asks of the values that wait; `userRecords` is null in all of them. */
export interface Cargo<V, I extends OutboundRecord> {
  /** The first message of the value; null: the value is to leave its queue, and was seen to. */
  first(value: V, now: number): I | null;
  /** The message that follows it in its value. */
  next(item: I): I | null;
  valueOf(item: I): V;
  /** Not to be aggregated. */
  unaggregated(value: V): boolean;
  /** True when every message of the aggregate may be written now. */
  mayWrite(aggregate: Aggregate<I>, now: number): boolean;
  /** Puts the messages of an aggregate that is not to be sent as it is back into queues. */
  unpack(aggregate: Aggregate<I>): void;
  /** The record, sent without company, holds the slot until its outcome is known. */
  hold(item: I, slot: ShardSlot): void;
  /** Nothing waits for company now. */
  flushNow(): boolean;
}

export interface Collector<I extends OutboundRecord> {
  readonly limit: AggregateLimit;
  fill(batch: Batch<I | Aggregate<I>>, now: number): void;
}

/** @param slots records of a shard that may be in flight; beyond the first one only full aggregates go */
export function createCollector<
  V extends { readonly userRecords: null },
  I extends OutboundRecord & { readonly userRecords: null },
>(options: Settings, ready: () => ShardQueues<V | Aggregate<I>>, slots: number, cargo: Cargo<V, I>): Collector<I> {
  const { limits, clock, lingerMs } = options;
  const limit = createAggregateLimit(limits, options.rateLimit);
  let batch: Batch<I | Aggregate<I>> = emptyBatch();
  let now = 0;
  let bytesPerUserRecord = 0;

  const serve: Server<V | Aggregate<I>> = (queue, pay) => {
    const { values } = queue;
    // Where the shard is not known nobody could tell that a consumer drops an aggregate, so there is none.
    const aggregating = options.aggregation && queue.shardId !== null && !ready().auto;
    for (let value = values.peek(); value !== undefined; value = values.peek()) {
      if (value.userRecords !== null) {
        if (!aggregating || value.version !== ready().version || !cargo.mayWrite(value, now)) {
          values.shift();
          cargo.unpack(value);
          continue;
        }
        if (isTaken(queue, slots)) return false;
        if (!admits(batch, value, limits)) return true;
        if (!pay(1, value.bytes)) return false;
        values.shift();
        send(value);
        continue;
      }
      const first = cargo.first(value, now);
      if (first === null) {
        values.shift();
        continue;
      }
      if (aggregating && !cargo.unaggregated(value)) {
        const ended = serveAggregate(queue, pay);
        if (ended !== null) return ended;
        continue;
      }
      if (!admits(batch, first, limits)) return true;
      if (!pay(1, first.bytes)) return false;
      values.shift();
      add(batch, first);
    }
    return false;
  };

  /** Packs and sends one record; true: the batch is full; false: nothing may go to this shard now; null: go on. */
  function serveAggregate(queue: ShardQueue<V | Aggregate<I>>, pay: Pay): boolean | null {
    if (isTaken(queue, slots)) return false;
    if (queue.values.length * bytesPerUserRecord < limit.bytes && (isTaken(queue, 1) || lingers(queue))) return false;
    if (batch.records.length > 0 && batch.bytes + limit.bytes > limits.maxBytes) return true;
    if (batch.records.length > 0 && batch.records.length >= Math.min(limits.maxRecords, batch.room)) return true;
    // Nothing is packed for a shard that takes nothing now, so that it can still fill.
    if (!pay(0, 0)) return false;
    const record = pack(queue);
    const fits = admits(batch, record, limits);
    if (!fits || !pay(1, record.bytes)) {
      queue.values.unshift(record.userRecords === null ? cargo.valueOf(record) : record);
      return !fits;
    }
    if (record.userRecords === null) sendAlone(record, queue);
    else send(record);
    return null;
  }

  function lingers(queue: ShardQueue<V | Aggregate<I>>): boolean {
    if (lingerMs === 0 || cargo.flushNow()) return false;
    // In common steps, so that one request carries the aggregates of many shards.
    queue.lingersUntil = Math.ceil((queue.since + lingerMs) / LINGER_STEP_MS) * LINGER_STEP_MS;
    return queue.lingersUntil > now;
  }

  function pack(queue: ShardQueue<V | Aggregate<I>>): I | Aggregate<I> {
    const { values } = queue;
    const open = createOpenAggregate<I>(limit.bytes);
    for (let value = values.peek(); value !== undefined && value.userRecords === null; value = values.peek()) {
      let item = cargo.first(value, now);
      if (item === null) {
        values.shift();
        continue;
      }
      if (cargo.unaggregated(value)) break;
      if (!open.fits(item)) break;
      values.shift();
      do {
        open.add(item);
        item = cargo.next(item);
      } while (item !== null && open.fits(item));
      if (item !== null) break;
    }
    return open.close(queue, ready().version);
  }

  function send(aggregate: Aggregate<I>): void {
    bytesPerUserRecord = aggregate.bytes / aggregate.userRecords.length;
    aggregate.sentAt = clock.now();
    aggregate.slot.inFlight += 1;
    add(batch, aggregate);
  }

  function sendAlone(item: I, slot: ShardSlot): void {
    if (slot.shardId !== null) {
      slot.inFlight += 1;
      cargo.hold(item, slot);
    }
    add(batch, item);
  }

  return {
    limit,
    fill: (given, at) => {
      batch = given;
      now = at;
      ready().take(now, serve);
    },
  };
}

function isTaken({ shardId, inFlight }: ShardSlot, slots: number): boolean {
  return shardId !== null && inFlight >= slots;
}
