/** The lanes of the ordered pipeline: which message may be sent next, and what an answer means for those behind it. */
import type { SinkFailure } from "../../sink/sink.ts";
import type { Message } from "../../source/source.ts";
import type { Counters } from "../counters.ts";
import { createDelays } from "../delays.ts";
import type { OpenDelivery } from "../intake/checkpoint.ts";
import type { Settings } from "../options.ts";
import type { Batch } from "../requests/batch.ts";
import type { Accepted } from "../requests/sender.ts";
import { fullJitter, restMs } from "../retry.ts";
import { type Aggregate, landedInside } from "../shards/aggregate.ts";
import { createCollector } from "../shards/collector.ts";
import { createShardQueues, type ShardQueue, type ShardQueues } from "../shards/shard-queues.ts";
import type { OrderedAssignment } from "./assignment.ts";
import { HEARD_AGAIN_MS, mayWrite } from "./fencing.ts";
import { append, inOrder, type Lane, OrderedUserRecord, removeHead, truncate } from "./lane.ts";
import { createKnownLanes } from "./lane-table.ts";
import {
  countOf,
  keyOf,
  lanesOf,
  mayWriteAll,
  type OrderedRecord,
  release,
  type Waiting,
  withdrawn,
} from "./records.ts";

/** After so many aggregates in a row that missed their shard, a lane's messages go without company. */
const WRONG_SHARD_LIMIT = 2;

export interface Lanes {
  /** The stream ignores hash keys now: nothing is written. */
  readonly auto: boolean;
  start(): void;
  slowest(): string | null;
  laneOf(partition: OrderedAssignment, key: string): Lane;
  /** @param kept the data, if it is not the message's payload */
  append(lane: Lane, mark: OpenDelivery, message: Message, dataBytes: number, kept: Uint8Array | null): void;
  /** Appends a message that is poison: it holds those behind it until `published`, for it may be none by the next time. */
  appendPoison(lane: Lane, mark: OpenDelivery, message: Message): OrderedUserRecord;
  /** The message was refused and is poison: it holds those behind it until `published`. */
  withhold(item: OrderedUserRecord): void;
  /** The broker confirmed the dead letter of the message. */
  published(item: OrderedUserRecord): void;
  /** Lanes that became ready since the last call. */
  takeWoken(): number;
  waiting(): number;
  fill(batch: Batch<OrderedRecord>, now: number): void;
  mayWrite(record: OrderedRecord, now: number): boolean;
  /** @param delivered called with each message that is done, and not with what was withdrawn or is sent again */
  accepted(record: OrderedRecord, outcome: Accepted, delivered: (item: OrderedUserRecord) => void): void;
  failed(record: OrderedRecord, failure: SinkFailure, down: boolean): void;
  /** The aggregate was refused for its content: its messages go without company, so that the poison is found. */
  isolate(aggregate: Aggregate<OrderedUserRecord>): void;
  /** Takes the message out, and lets those behind it pass. */
  remove(item: OrderedUserRecord): void;
  /** Withdraws the messages from `ordinal` on. */
  cut(partition: OrderedAssignment, ordinal: number): void;
  forget(partition: OrderedAssignment): void;
  close(): void;
}

/** @param flushNow nothing waits for company now */
export function createLanes(options: Settings, counters: Counters, wake: () => void, flushNow: () => boolean): Lanes {
  const { clock, retry, random, handoverWaitMs } = options;
  const known = createKnownLanes();
  let woken = 0;

  const ready: ShardQueues<Waiting> = createShardQueues<Waiting>(options, keyOf, wake);
  const queueOf = (lane: Lane): ShardQueue<Waiting> => {
    if (lane.queue === null || lane.queueVersion !== ready.version) {
      lane.queue = ready.queueOf(lane.key);
      lane.queueVersion = ready.version;
    }
    return lane.queue;
  };
  const makeReady = (lane: Lane): void => {
    ready.push(queueOf(lane), lane, lane.head?.mark.receivedAt);
    woken += 1;
  };
  const readyAgain = (waiting: Waiting): void => {
    if (waiting.userRecords === null) {
      makeReady(waiting);
      return;
    }
    ready.push(ready.queueOf(keyOf(waiting)), waiting);
    woken += 1;
  };
  const delays = createDelays<Waiting>(clock, readyAgain, wake);

  /** The lane's turn is over: the next message is ready or waits for a receipt, or the lane is idle. */
  const next = (lane: Lane): void => {
    while (lane.head?.deadLetter === "published") removeFirst(lane);
    if (lane.head !== null) {
      if (lane.head.deadLetter === "none") makeReady(lane);
      return;
    }
    lane.busy = false;
    lane.unaggregated = 0;
  };
  const rest = (waiting: Waiting, ms: number): void => delays.add(waiting, clock.now() + ms);

  const collector = createCollector<Lane, OrderedUserRecord>(options, () => ready, 1, {
    first: (lane, now) => {
      if (lane.head === null) {
        lane.busy = false;
        return null;
      }
      if (mayWrite(lane.partition.assignment, now)) return lane.head;
      rest(lane, HEARD_AGAIN_MS);
      return null;
    },
    next: ({ next: following }) => (following?.deadLetter === "none" ? following : null),
    valueOf: (item) => item.lane,
    unaggregated: (lane) => lane.unaggregated > 0,
    mayWrite: mayWriteAll,
    unpack: (aggregate) => {
      for (const lane of lanesOf(aggregate)) next(lane);
    },
    hold: (item, slot) => {
      item.lane.slot = slot;
    },
    flushNow,
  });

  function acceptedAlone(
    item: OrderedUserRecord,
    outcome: Accepted,
    delivered: (item: OrderedUserRecord) => void,
  ): void {
    const { lane } = item;
    release(lane);
    if (withdrawn(item)) {
      next(lane);
      return;
    }
    ready.landed(queueOf(lane), outcome.shardId, lane.shardId);
    if (!inOrder(lane, outcome.shardId, outcome.sequenceNumber)) {
      counters.outOfOrder += 1;
      counters.retries += 1;
      lane.attempt += 1;
      rest(lane, fullJitter(retry, lane.attempt - 1, random));
      return;
    }
    removeFirst(lane);
    next(lane);
    delivered(item);
  }

  function failedAlone(item: OrderedUserRecord, failure: SinkFailure, down: boolean): void {
    const { lane } = item;
    release(lane);
    if (withdrawn(item)) {
      next(lane);
      return;
    }
    // Refused alone: the breaker waits, and the next request has to carry it together with others to find out why.
    if (failure.class === "invalid") {
      if (!down) lane.attempt += 1;
      lane.unaggregated = Math.max(1, lane.unaggregated);
      makeReady(lane);
      return;
    }
    const ms = restMs(failure, fullJitter(retry, lane.attempt, random), handoverWaitMs);
    if (!down) lane.attempt += 1;
    rest(lane, ms);
  }

  /** A consumer drops the aggregate whole: all of it goes again, before anything else of its keys. */
  function missed(aggregate: Aggregate<OrderedUserRecord>): void {
    const ms = fullJitter(retry, 0, random);
    counters.retries += aggregate.userRecords.length;
    for (const lane of lanesOf(aggregate)) {
      lane.wrongShard += 1;
      if (lane.wrongShard >= WRONG_SHARD_LIMIT) lane.unaggregated = countOf(aggregate, lane);
      rest(lane, ms);
    }
  }

  function isolate(aggregate: Aggregate<OrderedUserRecord>): void {
    aggregate.slot.inFlight -= 1;
    for (const lane of lanesOf(aggregate)) {
      lane.unaggregated = countOf(aggregate, lane);
      next(lane);
    }
  }

  return {
    laneOf: known.laneOf,
    append: (lane, mark, message, dataBytes, kept) => {
      addLast(lane, new OrderedUserRecord(lane, mark, message, dataBytes, kept));
      if (lane.busy) return;
      lane.busy = true;
      makeReady(lane);
    },
    appendPoison: (lane, mark, message) => {
      const item = new OrderedUserRecord(lane, mark, message, 0, null);
      item.deadLetter = "waiting";
      addLast(lane, item);
      lane.busy = true;
      return item;
    },
    withhold: (item) => {
      release(item.lane);
      item.deadLetter = "waiting";
    },
    published: (item) => {
      item.deadLetter = "published";
      if (item.lane.head === item) next(item.lane);
    },
    takeWoken: () => {
      const taken = woken;
      woken = 0;
      return taken;
    },
    get auto() {
      return ready.auto;
    },
    start: ready.start,
    waiting: ready.waiting,
    slowest: ready.slowest,
    fill: (batch, now) => {
      if (!ready.auto) collector.fill(batch, now);
    },
    mayWrite: (record, now) => {
      if (ready.auto) return false;
      if (record.userRecords !== null) return mayWriteAll(record, now);
      return !withdrawn(record) && mayWrite(record.partition.assignment, now);
    },
    accepted: (record, outcome, delivered) => {
      if (record.userRecords === null) {
        acceptedAlone(record, outcome, delivered);
        return;
      }
      record.slot.inFlight -= 1;
      collector.limit.tookMs(clock.now() - record.sentAt);
      ready.landed(record.slot, outcome.shardId, "");
      if (!landedInside(ready, record, outcome.shardId)) {
        missed(record);
        return;
      }
      for (const lane of lanesOf(record)) lane.wrongShard = 0;
      let rewound: Lane | null = null;
      let last: Lane | null = null;
      for (const item of record.userRecords) {
        const { lane } = item;
        if (withdrawn(item)) continue;
        if (lane !== last && !inOrder(lane, outcome.shardId, outcome.sequenceNumber)) rewound = lane;
        last = lane;
        if (lane === rewound) counters.retries += 1;
        else {
          removeFirst(lane);
          delivered(item);
        }
      }
      if (rewound !== null) counters.outOfOrder += 1;
      for (const lane of lanesOf(record)) next(lane);
    },
    failed: (record, failure, down) => {
      if (failure.class === "throttled")
        ready.throttled(record.userRecords === null ? queueOf(record.lane) : record.slot);
      if (record.userRecords === null) {
        failedAlone(record, failure, down);
        return;
      }
      if (failure.class === "invalid") {
        isolate(record);
        return;
      }
      record.slot.inFlight -= 1;
      const ms = restMs(failure, fullJitter(retry, record.attempt, random), handoverWaitMs);
      if (!down) record.attempt += 1;
      rest(record, ms);
    },
    isolate,
    remove: (item) => {
      release(item.lane);
      if (!withdrawn(item)) removeFirst(item.lane);
      next(item.lane);
    },
    cut: (partition, ordinal) => {
      partition.cut = ordinal;
      for (const lane of partition.lanes.values()) partition.queued -= truncate(lane, ordinal);
    },
    forget: known.forget,
    close: () => {
      delays.close();
      ready.close();
    },
  };
}

function addLast(lane: Lane, item: OrderedUserRecord): void {
  append(lane, item);
  lane.partition.nextOrdinal += 1;
  lane.partition.queued += 1;
}

function removeFirst(lane: Lane): void {
  removeHead(lane);
  lane.partition.queued -= 1;
}
