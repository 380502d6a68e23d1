/** The lanes of the ordered pipeline: which message may be sent next, and what an answer means for those behind it. */
import type { SinkFailure } from "../sink/sink.ts";
import { add, admits, type Batch, emptyBatch } from "./batch.ts";
import type { Mark } from "./checkpoint.ts";
import type { Counters } from "./counters.ts";
import { createDelays } from "./delays.ts";
import { HEARD_AGAIN_MS, mayWrite } from "./fencing.ts";
import { append, createLane, type Item, inOrder, type Lane, removeHead, truncate } from "./lane.ts";
import type { Settings } from "./options.ts";
import type { Partition } from "./partition.ts";
import { createReady, FULL, GONE, type Mover, type ShardQueue } from "./ready.ts";
import { fullJitter } from "./retry.ts";
import type { Accepted } from "./sender.ts";

/** Idle lanes are kept, for their sequence numbers and because making them costs, until there are so many. */
const SWEEP_AT = 16_384;

/** How long a lane rests after a failure that somebody has to mend; the gate decides how often the stream is asked. */
const NOT_READY_REST_MS = 1_000;

export interface Lanes {
  start(): void;
  slowest(): string | null;
  laneOf(partition: Partition, key: string): Lane;
  append(lane: Lane, mark: Mark, index: number, data: Uint8Array): void;
  /** Lanes that became ready since the last call. */
  takeWoken(): number;
  waiting(): number;
  fill(batch: Batch<Item>, now: number): void;
  mayWrite(item: Item, now: number): boolean;
  /** True when the message is done; false when it was withdrawn, or is sent again. */
  accepted(item: Item, outcome: Accepted): boolean;
  failed(item: Item, failure: SinkFailure, down: boolean): void;
  /** Takes the message out, and lets those behind it pass. */
  remove(item: Item): void;
  /** Withdraws the messages from `ordinal` on. */
  cut(partition: Partition, ordinal: number): void;
  forget(partition: Partition): void;
  close(): void;
}

export function createLanes(options: Settings, counters: Counters, wake: () => void): Lanes {
  const { clock, limits, retry, random, handoverWaitMs } = options;
  const partitions = new Set<Partition>();
  let count = 0;
  let sweepAt = SWEEP_AT;
  let woken = 0;

  const ready = createReady<Lane>(options, ({ key }) => key, wake);
  const queueOf = (lane: Lane): ShardQueue<Lane> => {
    if (lane.queue === null || lane.queueVersion !== ready.version) {
      lane.queue = ready.queueOf(lane.key);
      lane.queueVersion = ready.version;
    }
    return lane.queue;
  };
  const makeReady = (lane: Lane): void => {
    ready.push(queueOf(lane), lane);
    woken += 1;
  };
  const delays = createDelays<Lane>(clock, makeReady, wake);

  /** The lane's turn is over: the next message is ready, or the lane is idle. */
  const next = (lane: Lane): void => {
    if (lane.head === null) lane.busy = false;
    else makeReady(lane);
  };
  const rest = (lane: Lane, ms: number): void => delays.add(lane, clock.now() + ms);

  /** One object for all batches: nothing is made per record. */
  const mover: Mover<Lane> & { batch: Batch<Item>; now: number } = {
    batch: emptyBatch(),
    now: 0,
    weigh: (lane) => {
      const { head, partition } = lane;
      if (head === null) {
        lane.busy = false;
        return GONE;
      }
      if (!mayWrite(partition.assignment, mover.now)) {
        rest(lane, HEARD_AGAIN_MS);
        return GONE;
      }
      return admits(mover.batch, head, limits) ? head.bytes : FULL;
    },
    move: (lane) => {
      if (lane.head !== null) add(mover.batch, lane.head);
    },
  };

  function sweep(): void {
    count = 0;
    for (const { lanes } of partitions) {
      for (const [key, lane] of lanes) {
        if (!lane.busy && lane.head === null) lanes.delete(key);
      }
      count += lanes.size;
    }
    sweepAt = Math.max(SWEEP_AT, 2 * count);
  }

  return {
    laneOf: (partition, key) => {
      const known = partition.lanes.get(key);
      if (known !== undefined) return known;
      if (count >= sweepAt) sweep();
      const lane = createLane(partition, key);
      partition.lanes.set(key, lane);
      partitions.add(partition);
      count += 1;
      return lane;
    },
    append: (lane, mark, index, data) => {
      const { partition } = lane;
      append(lane, {
        data,
        partitionKey: lane.key,
        bytes: data.byteLength + lane.keyBytes,
        partition,
        mark,
        index,
        ordinal: partition.nextOrdinal,
        lane,
        next: null,
      });
      partition.nextOrdinal += 1;
      partition.queued += 1;
      if (lane.busy) return;
      lane.busy = true;
      makeReady(lane);
    },
    takeWoken: () => {
      const taken = woken;
      woken = 0;
      return taken;
    },
    start: ready.start,
    waiting: ready.waiting,
    slowest: ready.slowest,
    fill: (batch, now) => {
      mover.batch = batch;
      mover.now = now;
      ready.take(now, mover);
    },
    mayWrite: (item, now) => !withdrawn(item) && mayWrite(item.partition.assignment, now),
    accepted: (item, outcome) => {
      const { lane } = item;
      if (withdrawn(item)) {
        next(lane);
        return false;
      }
      ready.landed(queueOf(lane), outcome.shardId);
      if (!inOrder(lane, outcome.shardId, outcome.sequenceNumber)) {
        counters.outOfOrder += 1;
        counters.retries += 1;
        lane.attempt += 1;
        rest(lane, fullJitter(retry, lane.attempt - 1, random));
        return false;
      }
      removeHead(lane);
      item.partition.queued -= 1;
      next(lane);
      return true;
    },
    failed: (item, failure, down) => {
      const { lane } = item;
      if (failure.class === "throttled") ready.throttled(queueOf(lane));
      if (withdrawn(item)) {
        next(lane);
        return;
      }
      const backOff = fullJitter(retry, lane.attempt, random);
      if (!down) lane.attempt += 1;
      if (failure.ambiguous) rest(lane, Math.max(backOff, handoverWaitMs));
      // Refused alone: the gate waits, and the next request has to carry it together with others to find out why.
      else if (failure.class === "invalid") makeReady(lane);
      else if (failure.class === "notReady") rest(lane, NOT_READY_REST_MS);
      else rest(lane, backOff);
    },
    remove: (item) => {
      if (!withdrawn(item)) {
        removeHead(item.lane);
        item.partition.queued -= 1;
      }
      next(item.lane);
    },
    cut: (partition, ordinal) => {
      partition.cut = ordinal;
      for (const lane of partition.lanes.values()) partition.queued -= truncate(lane, ordinal);
    },
    forget: (partition) => {
      if (partitions.delete(partition)) count -= partition.lanes.size;
      partition.lanes.clear();
    },
    close: () => {
      delays.close();
      ready.close();
    },
  };
}

function withdrawn(item: Item): boolean {
  return item.ordinal >= item.partition.cut;
}
