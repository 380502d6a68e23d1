/**
 * The unordered pipeline. Failed records are tried again on their own while others flow past; an entry is acknowledged
 * once all its messages are done; a message that cannot be delivered stays parked with its entry, or is dead-lettered.
 */
import type { PoisonError } from "../format/format.ts";
import type { Assignment, Delivery, Source } from "../source/source.ts";
import { add, admits, type Batch, emptyBatch, type Outgoing } from "./batch.ts";
import { createBudget } from "./budget.ts";
import { createMark, type Mark } from "./checkpoint.ts";
import { countReceived, createCounters, oldestPublishTime } from "./counters.ts";
import { createDeadLetters, deadLetter } from "./dead-letter.ts";
import { createDelays } from "./delays.ts";
import { createDrain, flushed } from "./drain.ts";
import { addedBytes, encodeMessage, rejected } from "./encoding.ts";
import type { Settings } from "./options.ts";
import { createParking, type Parked } from "./parking.ts";
import type { Pipeline } from "./pipeline.ts";
import { createPreparation } from "./preparation.ts";
import { createReady, FULL, GONE, type Mover } from "./ready.ts";
import { fullJitter } from "./retry.ts";
import { createSender } from "./sender.ts";

/** How long a record rests after a failure that somebody has to mend; the gate decides how often the stream is asked. */
const NOT_READY_REST_MS = 1_000;

/** The deliveries of one assignment that are not acknowledged. */
interface Share {
  readonly assignment: Assignment;
  readonly open: Set<ShareMark>;
}

interface ShareMark extends Mark {
  /** Null once the assignment ended: nothing of it is written or acknowledged any more. */
  share: Share | null;
}

/** One message on its way; is itself the Kinesis record. */
interface Item extends Outgoing {
  readonly mark: ShareMark;
  /** Position in its delivery. */
  readonly index: number;
  /** Failed attempts. */
  attempt: number;
}

export function createUnorderedPipeline(options: Settings): Pipeline {
  const { format, partitionKey, limits, retry, clock, log, random, deadLetterTopic } = options;
  const counters = createCounters();
  const budget = createBudget(options.budgetBytes);
  const shares = new Map<Assignment, Share>();
  const finished: Delivery[] = [];
  const preparation = createPreparation(options, counters);
  let finishedBytes = 0;
  let woken = 0;
  let source: Source | null = null;
  let closed = false;

  const started = (): Source => {
    if (source === null) throw new Error("the pipeline was not started");
    return source;
  };
  const push = (item: Item): void => {
    ready.push(ready.queueOf(item.partitionKey), item);
    woken += 1;
  };
  const wake = (): void => {
    const count = woken;
    woken = 0;
    sender.wake(count);
  };
  const ready = createReady<Item>(options, ({ partitionKey: key }) => key, wake);
  const mover: Mover<Item> & { batch: Batch<Item> } = {
    batch: emptyBatch(),
    weigh: (item) => {
      if (item.mark.share === null) return GONE;
      return admits(mover.batch, item, limits) ? item.bytes : FULL;
    },
    move: (item) => add(mover.batch, item),
  };
  const delays = createDelays<Item>(clock, push, wake);
  const parking = createParking<ShareMark>(clock, (parked) => admitOne(parked.mark, parked.index, parked), settled);
  const deadLetters =
    deadLetterTopic === null
      ? null
      : createDeadLetters({ topic: deadLetterTopic, source: started, counters, retry, clock, random, log });
  // What is parked is not waited for.
  const drain = createDrain(() => counters.pending <= parking.count);

  const sender = createSender<Item>(options, counters, {
    waiting: ready.waiting,
    fill: (batch, now) => {
      mover.batch = batch;
      ready.take(now, mover);
    },
    mayWrite: (item) => item.mark.share !== null,
    accepted: ({ mark, index, data, partitionKey: key }, { shardId }) => {
      ready.landed(ready.queueOf(key), shardId);
      if (mark.share === null) return;
      parking.remove(mark, index);
      counters.delivered += 1;
      counters.deliveredBytes += data.byteLength;
      done(mark);
    },
    failed: (item, failure, down) => {
      if (failure.class === "throttled") ready.throttled(ready.queueOf(item.partitionKey));
      if (item.mark.share === null) return;
      // Refused alone: the gate waits, and the next request has to carry it together with others to find out why.
      if (failure.class === "invalid") {
        push(item);
        return;
      }
      const ms = failure.class === "notReady" ? NOT_READY_REST_MS : fullJitter(retry, item.attempt, random);
      if (!down) item.attempt += 1;
      delays.add(item, clock.now() + ms);
    },
    refused: ({ mark, index }, failure) => {
      if (mark.share !== null) poisoned(mark, index, rejected(failure));
    },
    settled,
  });

  function settled(): void {
    if (finished.length > 0) {
      started().acknowledge(finished.splice(0));
      const bytes = finishedBytes;
      finishedBytes = 0;
      budget.release(bytes);
    }
    wake();
    drain.check();
  }

  function done(mark: ShareMark): void {
    counters.pending -= 1;
    mark.remaining -= 1;
    if (mark.remaining > 0) return;
    mark.share?.open.delete(mark);
    finished.push(mark.delivery);
    finishedBytes += mark.bytes;
  }

  function admit(mark: ShareMark): void {
    for (let index = 0; index < mark.delivery.messages.length; index += 1) admitOne(mark, index, null);
  }

  function admitOne(mark: ShareMark, index: number, parked: Parked<ShareMark> | null): void {
    const message = mark.delivery.messages[index];
    if (mark.share === null || message === undefined) return;
    const { topic } = mark.delivery.assignment;
    const key = partitionKey(message, topic);
    const keyBytes = Buffer.byteLength(key);
    try {
      const data = encodeMessage(format, limits, message, topic, keyBytes);
      if (parked === null) {
        const added = addedBytes(message, data);
        mark.bytes += added;
        budget.take(added);
      }
      push({ data, partitionKey: key, bytes: data.byteLength + keyBytes, mark, index, attempt: 0 });
    } catch (error) {
      poisoned(mark, index, error as PoisonError);
    }
  }

  function poisoned(mark: ShareMark, index: number, poison: PoisonError): void {
    const message = mark.delivery.messages[index];
    if (message === undefined) return;
    const { topic } = mark.delivery.assignment;
    if (deadLetters === null) {
      const times = parking.park(mark, index, {
        topic,
        messageId: message.id,
        code: poison.code,
        message: poison.message,
      });
      if (times > 1) return;
      const fields = { topic, id: message.id, code: poison.code, reason: poison.message, parked: parking.count };
      log.error("message cannot be delivered; it stays parked and is tried again", fields);
      return;
    }
    const wanted = (): boolean => mark.share !== null;
    deadLetters.publish(deadLetter(message, topic, poison), wanted, () => {
      done(mark);
      settled();
    });
  }

  function forget(mark: ShareMark): number {
    mark.share = null;
    counters.pending -= mark.remaining;
    return mark.bytes;
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
    },
    deliver: (delivery) => {
      const share = shares.get(delivery.assignment);
      countReceived(counters, delivery);
      if (share === undefined || drain.active) return budget.release(delivery.retainedBytes);
      counters.pending += delivery.messages.length;
      const mark: ShareMark = { ...createMark(delivery, delivery.retainedBytes), share };
      share.open.add(mark);
      const pending = format.prepare(delivery);
      if (pending !== undefined) {
        const wanted = (): boolean => !closed && mark.share !== null;
        preparation.finish(delivery, pending, wanted, () => {
          admit(mark);
          settled();
        });
        return;
      }
      admit(mark);
      wake();
    },
    revoked: (assignment) => {
      const share = shares.get(assignment);
      if (share === undefined) return;
      shares.delete(assignment);
      let bytes = 0;
      for (const mark of share.open) bytes += forget(mark);
      parking.sweep();
      budget.release(bytes);
      drain.check();
    },
    state: () => ({
      ...counters,
      oldestPublishTime: oldestPublishTime([...shares.values()].map(oldest)),
      pendingBytes: budget.used,
      budgetBytes: budget.total,
      inFlightRequests: sender.inFlight,
      slowestShard: ready.slowest(),
      poison: parking.reports(),
      poisonCount: parking.count,
    }),
    drain: async (deadline) => {
      started().stop();
      sender.hurry();
      await drain.wait(deadline);
      await flushed(started(), deadline);
    },
    close: () => {
      closed = true;
      sender.close();
      delays.close();
      ready.close();
      parking.close();
      deadLetters?.close();
    },
  };
  return pipeline;
}

function oldest({ open }: Share): Delivery | undefined {
  for (const mark of open) return mark.delivery;
  return undefined;
}
