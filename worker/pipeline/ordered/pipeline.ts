/**
 * The ordered pipeline. Per topic-partition and key, what a consumer reads is the sequence that was produced, except
 * that it may be rewound and read on from an earlier place.
 */
import type { PoisonError } from "../../format/format.ts";
import type { SinkFailure } from "../../sink/sink.ts";
import type { Assignment, Delivery, Source } from "../../source/source.ts";
import { countReceived, createCounters, oldestPublishTime, reported } from "../counters.ts";
import { createBudget, isHalfUsed } from "../intake/budget.ts";
import { type OpenDelivery, publishTime } from "../intake/checkpoint.ts";
import { createDeadLetters, deadLetter } from "../intake/dead-letter-retries.ts";
import { createDrain, flushed } from "../intake/drain.ts";
import { addedBytes, dataBytes, encodeMessage, rejected } from "../intake/encoding.ts";
import { createSchemaWait } from "../intake/schema-wait.ts";
import type { Settings } from "../options.ts";
import type { Pipeline } from "../pipeline.ts";
import { createSender } from "../requests/sender.ts";
import { AUTO } from "../shards/shard-watch.ts";
import { createOrderedAssignment, isStopped, type OrderedAssignment, overdue } from "./assignment.ts";
import type { OrderedUserRecord } from "./lane.ts";
import { createLanes } from "./lanes.ts";
import { carries, type OrderedRecord } from "./records.ts";
import { createStops } from "./stops.ts";

export function createOrderedPipeline(options: Settings): Pipeline {
  const { format, partitionKey, limits, retry, handoverWaitMs, clock, log, random, deadLetterTopic, nextTurn } =
    options;
  const counters = createCounters();
  const budget = createBudget(options.budgetBytes);
  const partitions = new Map<Assignment, OrderedAssignment>();
  const dirty: OrderedAssignment[] = [];
  const stopping = new Set<OrderedAssignment>();
  const stops = createStops();
  const schemaWait = createSchemaWait(options, counters);
  let source: Source | null = null;
  let rewinding: OrderedAssignment | null = null;
  let closed = false;

  const started = (): Source => {
    if (source === null) throw new Error("the pipeline was not started");
    return source;
  };
  const wake = (): void => sender.wake(lanes.takeWoken());
  const lanes = createLanes(options, counters, wake, () => drain.active || isHalfUsed(budget));
  const sender = createSender<OrderedRecord>(options, counters, {
    waiting: lanes.waiting,
    fill: lanes.fill,
    mayWrite: lanes.mayWrite,
    failed: lanes.failed,
    accepted: (record, outcome) => lanes.accepted(record, outcome, delivered),
    refused: (record, failure) => (record.userRecords === null ? refused(record, failure) : lanes.isolate(record)),
    settled,
  });

  function delivered(item: OrderedUserRecord): void {
    counters.delivered += 1;
    counters.deliveredBytes += item.dataBytes;
    done(item.partition, item.mark);
  }

  function refused(item: OrderedUserRecord, failure: SinkFailure): void {
    if (item.ordinal >= item.partition.cut) {
      lanes.remove(item);
      return;
    }
    const { partition, message } = item;
    const error = rejected(failure);
    if (deadLetterTopic === null) {
      stop(partition, item.ordinal, message.id, error);
      lanes.remove(item);
    } else {
      lanes.withhold(item);
      bury(item, error);
    }
  }
  const deadLetters =
    deadLetterTopic === null
      ? null
      : createDeadLetters({ topic: deadLetterTopic, source: started, counters, retry, clock, random, log });
  const drain = createDrain(() => [...partitions.values()].every(isIdle));

  function settled(): void {
    for (const partition of dirty.splice(0)) advance(partition);
    for (const partition of stopping) {
      if (partition.queued === 0) rewind(partition);
    }
    wake();
    drain.check();
  }

  function done(partition: OrderedAssignment, mark: OpenDelivery): void {
    counters.pending -= 1;
    mark.remaining -= 1;
    if (mark.remaining > 0 || partition.dirty) return;
    partition.dirty = true;
    dirty.push(partition);
  }

  function advance(partition: OrderedAssignment): void {
    partition.dirty = false;
    if (partition.cut === -1) return;
    const advanced = partition.checkpoint.advance();
    if (advanced === null) return;
    started().acknowledgeThrough(advanced.through.delivery);
    if (!isStopped(partition)) stops.forget(partition.assignment.topic);
    budget.release(advanced.bytes);
  }

  /** Takes in what waits, in order, as far as its schemas are at hand. */
  function pump(partition: OrderedAssignment): void {
    const { waiting } = partition;
    while (!partition.preparing && !isStopped(partition)) {
      const delivery = waiting.peek();
      if (delivery === undefined) break;
      const pending = format.prepare(delivery);
      if (pending === undefined) {
        waiting.shift();
        admit(partition, delivery);
      } else prepare(partition, delivery, pending);
    }
    wake();
  }

  function prepare(partition: OrderedAssignment, delivery: Delivery, pending: Promise<void>): void {
    partition.preparing = true;
    const wanted = (): boolean => !closed && partition.waiting.peek() === delivery;
    schemaWait.finish(delivery, pending, wanted, () => {
      partition.preparing = false;
      partition.waiting.shift();
      admit(partition, delivery);
      pump(partition);
      settled();
    });
  }

  function admit(partition: OrderedAssignment, delivery: Delivery): void {
    const { topic } = partition.assignment;
    const mark = partition.checkpoint.track(delivery, delivery.retainedBytes, clock.now());
    const firstOrdinal = partition.nextOrdinal;
    let added = 0;
    for (const message of delivery.messages) {
      const lane = lanes.laneOf(partition, partitionKey(message, topic));
      try {
        const data = encodeMessage(format, limits, message, topic, lane.keyBytes);
        added += addedBytes(data);
        lanes.append(lane, mark, message, dataBytes(message, data), data);
      } catch (error) {
        const poison = error as PoisonError;
        if (deadLetterTopic === null) {
          // What precedes the poison in its entry went out the first time; once is enough until the poison is gone.
          const from = stops.knows(topic, message.id) ? firstOrdinal : partition.nextOrdinal;
          stop(partition, from, message.id, poison);
          break;
        }
        bury(lanes.appendPoison(lane, mark, message), poison);
      }
    }
    delivery.letGo?.();
    mark.bytes += added;
    budget.take(added);
  }

  function bury(item: OrderedUserRecord, poison: PoisonError): void {
    const { partition, mark, message } = item;
    const letter = deadLetter(message, partition.assignment.topic, poison);
    deadLetters?.publish(
      letter,
      () => partition.cut !== -1,
      () => {
        lanes.published(item);
        done(partition, mark);
        settled();
      },
    );
  }

  /** Nothing from `ordinal` on is sent; once what precedes it is done, the topic-partition is tried again later. */
  function stop(partition: OrderedAssignment, ordinal: number, id: string, poison: PoisonError): void {
    const { topic } = partition.assignment;
    const times = stops.stopped(topic, id, poison);
    log.error("message cannot be delivered; its topic-partition stops here", {
      topic,
      id,
      code: poison.code,
      reason: poison.message,
      times,
    });
    lanes.cut(partition, ordinal);
    dropWaiting(partition);
    stopping.add(partition);
    // Not at once: the source may be in the middle of a call.
    nextTurn(() => {
      if (!closed) settled();
    });
  }

  function rewind(partition: OrderedAssignment): void {
    if (drain.active || closed) return;
    stopping.delete(partition);
    const { assignment } = partition;
    const delayMs = stops.waits(assignment.topic, clock.now());
    rewinding = partition;
    started().rewind(assignment, delayMs);
    rewinding = null;
  }

  function dropWaiting(partition: OrderedAssignment): void {
    partition.preparing = false;
    const waiting = [...partition.waiting];
    partition.waiting.clear();
    drop(waiting);
  }

  function drop(deliveries: Iterable<Delivery>): void {
    let bytes = 0;
    for (const delivery of deliveries) {
      bytes += delivery.retainedBytes;
      counters.pending -= delivery.messages.length;
    }
    budget.release(bytes);
  }

  const pipeline: Pipeline = {
    budget,
    start: (given) => {
      source = given;
      lanes.start();
      given.start(pipeline);
    },
    assigned: (assignment) => {
      const partition = createOrderedAssignment(assignment, clock.now() + handoverWaitMs);
      partitions.set(assignment, partition);
      stops.returned(assignment.topic, clock.now());
      clock.timer(handoverWaitMs, () => pump(partition));
    },
    deliver: (delivery) => {
      countReceived(counters, delivery);
      counters.pending += delivery.messages.length;
      const partition = partitions.get(delivery.assignment);
      if (partition === undefined || isStopped(partition) || drain.active) return drop([delivery]);
      stops.resumed(partition.assignment.topic);
      partition.waiting.push(delivery);
      if (clock.now() >= partition.writableAt) pump(partition);
    },
    revoked: (assignment) => {
      const partition = partitions.get(assignment);
      if (partition === undefined) return;
      partitions.delete(assignment);
      stopping.delete(partition);
      if (partition !== rewinding) stops.forget(assignment.topic);
      lanes.cut(partition, -1);
      lanes.forget(partition);
      dropWaiting(partition);
      const open = partition.checkpoint.clear();
      counters.pending -= open.remaining;
      sender.abort((record) => carries(record, partition));
      budget.release(open.bytes);
      drain.check();
    },
    state: () => ({
      ...reported(counters),
      ...(lanes.auto ? { sinkFailure: AUTO } : {}),
      oldestPublishTime: oldestPublishTime([...partitions.values()].map(oldest)),
      overdue: overdue(partitions.values(), clock.now() - options.recordTtlMs),
      pendingBytes: budget.used,
      budgetBytes: budget.total,
      inFlightRequests: sender.inFlight,
      slowestShard: lanes.slowest(),
      ...stops.report(clock.now()),
    }),
    drain: async (deadline) => {
      started().stop();
      sender.flushNow();
      const emptied = drain.wait(deadline);
      for (const partition of partitions.values()) dropWaiting(partition);
      drain.check();
      await emptied;
      await flushed(started(), deadline);
    },
    close: () => {
      closed = true;
      sender.close();
      lanes.close();
      deadLetters?.close();
    },
  };
  return pipeline;
}

function isIdle(partition: OrderedAssignment): boolean {
  return isStopped(partition) ? partition.queued === 0 : partition.checkpoint.length === 0;
}

/** When the oldest message that is not done was published: epoch milliseconds. */
function oldest({ checkpoint, waiting }: OrderedAssignment): number | undefined {
  if (checkpoint.oldest !== undefined) return checkpoint.oldest.publishTime;
  const next = waiting.peek();
  return next && publishTime(next);
}
