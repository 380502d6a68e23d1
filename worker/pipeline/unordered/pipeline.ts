/**
 * The unordered pipeline. Failed records are tried again on their own while others flow past; an entry is acknowledged
 * once all its messages are done; a message that cannot be delivered stays parked with its entry, or is dead-lettered.
 */
import type { PoisonError } from "../../format/format.ts";
import type { Assignment, Delivery, Source } from "../../source/source.ts";
import { countReceived, createCounters, oldestPublishTime, reported } from "../counters.ts";
import { createDelays } from "../delays.ts";
import { createBudget, isHalfUsed } from "../intake/budget.ts";
import { createDrain, flushed } from "../intake/drain.ts";
import { addedBytes, dataBytes, encodeMessage, rejected } from "../intake/encoding.ts";
import { createSchemaWait } from "../intake/schema-wait.ts";
import type { Settings } from "../options.ts";
import type { Pipeline } from "../pipeline.ts";
import { type Accepted, createSender } from "../requests/sender.ts";
import { fullJitter, restMs } from "../retry.ts";
import { type Aggregate, landedInside } from "../shards/aggregate.ts";
import { createCollector } from "../shards/collector.ts";
import { createShardQueues, type ShardQueues } from "../shards/shard-queues.ts";
import { createPoisons } from "./poison.ts";
import {
  cargoOf,
  createTrackedDelivery,
  isWanted,
  keyOf,
  messageOf,
  oldest,
  overdue,
  release,
  type TrackedDelivery,
  type UnorderedAssignment,
  type UnorderedRecord,
  UnorderedUserRecord,
  WRONG_SHARD_LIMIT,
} from "./records.ts";
import { createRedelivery } from "./redelivery.ts";

/** Aggregates of one shard in flight at most. */
const SLOTS = 4;

export function createUnorderedPipeline(options: Settings): Pipeline {
  const { format, partitionKey, limits, retry, clock, random } = options;
  const counters = createCounters();
  const budget = createBudget(options.budgetBytes);
  const shares = new Map<Assignment, UnorderedAssignment>();
  const finished: Delivery[] = [];
  const schemaWait = createSchemaWait(options, counters);
  let finishedBytes = 0;
  let woken = 0;
  let source: Source | null = null;
  let closed = false;

  const started = (): Source => {
    if (source === null) throw new Error("the pipeline was not started");
    return source;
  };
  const push = (record: UnorderedRecord): void => {
    ready.push(ready.queueOf(keyOf(record)), record, record.userRecords === null ? record.mark.receivedAt : undefined);
    woken += 1;
  };
  const wake = (): void => {
    const count = woken;
    woken = 0;
    sender.wake(count);
  };
  const flushNow = (): boolean => drain.active || isHalfUsed(budget);
  const ready: ShardQueues<UnorderedRecord> = createShardQueues<UnorderedRecord>(options, keyOf, wake);
  const collector = createCollector<UnorderedUserRecord, UnorderedUserRecord>(
    options,
    () => ready,
    SLOTS,
    cargoOf(push, flushNow),
  );
  const delays = createDelays<UnorderedRecord>(clock, push, wake);
  const poisons = createPoisons(options, counters, {
    source: started,
    again: ({ mark, index }) => admitOne(mark, index, true),
    done,
    settled,
    freed: budget.release,
  });
  const redelivery = createRedelivery(clock, done, (mark, index) => admitOne(mark, index, false));
  // What is parked is not waited for.
  const drain = createDrain(() => counters.pending <= poisons.count);

  const sender = createSender<UnorderedRecord>(options, counters, {
    waiting: ready.waiting,
    fill: collector.fill,
    mayWrite: isWanted,
    accepted: (record, outcome) => {
      if (record.userRecords !== null) {
        acceptedTogether(record, outcome);
        return;
      }
      release(record);
      ready.landed(ready.queueOf(record.partitionKey), outcome.shardId, "");
      delivered(record);
    },
    failed: (record, failure, down) => {
      if (failure.class === "throttled") ready.throttled(ready.queueOf(keyOf(record)));
      // Refused: its messages go without company, so that the poison is found.
      if (failure.class === "invalid") {
        isolate(record);
        return;
      }
      release(record);
      for (const item of record.userRecords ?? [record]) if (item.mark.owner === null) redelivery.landed(item, false);
      if (record.userRecords === null && record.mark.owner === null) return;
      const ms = restMs(failure, fullJitter(retry, record.attempt, random), 0);
      if (!down) record.attempt += 1;
      delays.add(record, clock.now() + ms);
    },
    refused: (record, failure) => {
      if (record.userRecords !== null) {
        isolate(record);
        return;
      }
      release(record);
      if (record.mark.owner === null) redelivery.landed(record, false);
      else poisons.poisoned(record.mark, record.index, rejected(failure));
    },
    settled,
  });

  function acceptedTogether(aggregate: Aggregate<UnorderedUserRecord>, { shardId }: Accepted): void {
    release(aggregate);
    collector.limit.tookMs(clock.now() - aggregate.sentAt);
    ready.landed(aggregate.slot, shardId, "");
    if (landedInside(ready, aggregate, shardId)) {
      for (const item of aggregate.userRecords) delivered(item);
      return;
    }
    // A consumer drops the aggregate whole.
    counters.retries += aggregate.userRecords.length;
    const at = clock.now() + fullJitter(retry, 0, random);
    for (const item of aggregate.userRecords) {
      item.wrongShard += 1;
      if (item.mark.owner === null) redelivery.landed(item, false);
      else delays.add(item, at);
    }
  }

  function delivered(item: UnorderedUserRecord): void {
    const { mark, index, dataBytes } = item;
    counters.delivered += 1;
    counters.deliveredBytes += dataBytes;
    if (mark.owner === null) {
      redelivery.landed(item, true);
      return;
    }
    poisons.delivered(mark, index);
    done(mark, index);
  }

  /** Not alone in its request: the breaker waits, and the next request has to carry others to find out what is refused. */
  function isolate(record: UnorderedRecord): void {
    release(record);
    for (const item of record.userRecords ?? [record]) {
      item.wrongShard = WRONG_SHARD_LIMIT;
      if (item.mark.owner === null) redelivery.landed(item, false);
      else push(item);
    }
  }

  function settled(): void {
    if (finished.length > 0) {
      const deliveries = finished.splice(0);
      started().acknowledge(deliveries);
      for (const delivery of deliveries) delivery.release?.();
      const bytes = finishedBytes;
      finishedBytes = 0;
      budget.release(bytes);
    }
    wake();
    drain.check();
  }

  function done(mark: TrackedDelivery, index: number): void {
    counters.pending -= 1;
    mark.remaining -= 1;
    if (mark.remaining > 0) {
      mark.done ??= new Uint8Array(mark.delivery.messages.length);
      mark.done[index] = 1;
      poisons.progressed(mark);
      return;
    }
    mark.owner?.open.delete(mark);
    finished.push(mark.delivery);
    finishedBytes += mark.bytes;
  }

  function admit(mark: TrackedDelivery): void {
    const { assignment, messages } = mark.delivery;
    const known = redelivery.knows(assignment.topic);
    for (let index = 0; index < messages.length; index += 1) {
      if (!known || !redelivery.covers(mark, index)) admitOne(mark, index, false);
    }
  }

  function admitOne(mark: TrackedDelivery, index: number, isRetry: boolean): void {
    const message = messageOf(mark, index);
    if (mark.owner === null || message === undefined) return;
    const { topic } = mark.delivery.assignment;
    const key = partitionKey(message, topic);
    const keyBytes = Buffer.byteLength(key);
    try {
      const data = encodeMessage(format, limits, message, topic, keyBytes);
      if (!isRetry) {
        const added = addedBytes(data);
        mark.bytes += added;
        budget.take(added);
      }
      push(new UnorderedUserRecord(mark, index, key, keyBytes, dataBytes(message, data), data));
    } catch (error) {
      poisons.poisoned(mark, index, error as PoisonError);
    }
  }

  const pipeline: Pipeline = {
    budget,
    start: (given) => {
      source = given;
      ready.start();
      given.start(pipeline);
    },
    assigned: (assignment) => {
      shares.set(assignment, { assignment, open: new Set() });
      redelivery.assigned(assignment.topic);
    },
    deliver: (delivery) => {
      const share = shares.get(delivery.assignment);
      countReceived(counters, delivery);
      if (share === undefined || drain.active) return budget.release(delivery.retainedBytes);
      counters.pending += delivery.messages.length;
      const mark = createTrackedDelivery(delivery, share, clock.now());
      share.open.add(mark);
      const pending = format.prepare(delivery);
      if (pending !== undefined) {
        const wanted = (): boolean => !closed && mark.owner !== null;
        schemaWait.finish(delivery, pending, wanted, () => {
          admit(mark);
          settled();
        });
        return;
      }
      admit(mark);
      settled();
    },
    revoked: (assignment) => {
      const share = shares.get(assignment);
      if (share === undefined) return;
      shares.delete(assignment);
      redelivery.ended(share, sender.each);
      let bytes = 0;
      for (const mark of share.open) {
        mark.owner = null;
        counters.pending -= mark.remaining;
        bytes += mark.bytes;
      }
      poisons.sweep();
      budget.release(bytes);
      drain.check();
    },
    state: () => ({
      ...reported(counters),
      oldestPublishTime: oldestPublishTime([...shares.values()].map(oldest)),
      overdue: overdue(shares.values(), clock.now() - options.recordTtlMs),
      pendingBytes: budget.used,
      budgetBytes: budget.total,
      inFlightRequests: sender.inFlight,
      slowestShard: ready.slowest(),
      poison: poisons.reports(),
      poisonCount: poisons.count,
    }),
    drain: async (deadline) => {
      started().stop();
      sender.flushNow();
      await drain.wait(deadline);
      await flushed(started(), deadline);
    },
    close: () => {
      closed = true;
      sender.close();
      delays.close();
      ready.close();
      poisons.close();
    },
  };
  return pipeline;
}
