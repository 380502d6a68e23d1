/**
 * What is ready to be sent, queued per predicted shard and paced by the shard's token bucket, so that a full shard
 * holds up nothing but itself.
 */
import type { Timer } from "../../../runtime/clock.ts";
import { hashKey } from "../../sink/hash-key.ts";
import { createLimiter } from "../../sink/limiter.ts";
import type { ShardMap } from "../../sink/shards.ts";
import { createFifo, type Fifo } from "../fifo.ts";
import type { Settings } from "../options.ts";
import type { ShardSlot } from "./aggregate.ts";
import { createShardWatch } from "./shard-watch.ts";

/** The queue of a shard, or of records whose shard is not known. */
export interface ShardQueue<T> extends ShardSlot {
  /** Null: not known, not paced. */
  readonly shardId: string | null;
  readonly values: Fifo<T>;
  /** `Clock.now()` before which its bucket has nothing to give. */
  blockedUntil: number;
  /** `Clock.now()` at which the first of what it holds was received; it may be less when some of it has left. */
  since: number;
  /** `Clock.now()` until which what it holds waits for company. */
  lingersUntil: number;
  /** Among the queues that hold something. */
  listed: boolean;
}

/** Takes from the shard's bucket; false when it has nothing to give now, and nothing was taken. */
export type Pay = (records: number, bytes: number) => boolean;

/** Moves what may go now from a queue into a batch; true when the batch is full. */
export type Server<T> = (queue: ShardQueue<T>, pay: Pay) => boolean;

export interface ShardQueues<T> {
  /** Lists the shards, in the background. */
  start(): void;
  /** The queue for records of a partition key, for as long as `version` stays the same. */
  queueOf(partitionKey: string): ShardQueue<T>;
  /** Grows with each change of the shards. */
  readonly version: number;
  /** The stream ignores hash keys now (RecordDistributionStrategy AUTO). */
  readonly auto: boolean;
  /** @param receivedAt not given: it waited long enough */
  push(queue: ShardQueue<T>, value: T, receivedAt?: number): void;
  /** Values in queues that may go now and have no record in flight. */
  waiting(): number;
  /** Offers values, shard by shard, until a batch is full or nothing may go now. */
  take(now: number, server: Server<T>): void;
  /**
   * A record of the queue was accepted by this shard.
   * @param before the shard of the key's record before; "" when not known
   */
  landed(queue: ShardSlot, shardId: string, before: string): void;
  /** False when a consumer of this shard drops an aggregate that holds such a key, as far as is known. */
  contains(shardId: string, partitionKey: string): boolean;
  throttled(queue: ShardSlot): void;
  /** The blocked shard with the longest queue, else the one throttled last within a minute; null when there is none. */
  slowest(): string | null;
  close(): void;
}

/** The least rest of a bucket that had nothing to give, milliseconds: a request should carry some records. */
const LEAST_REST_MS = 10;

const CACHED_KEYS = 16_384;
/** How long a throttled shard is named when no queue waits for its bucket: all of its records rest then. */
const THROTTLED_FOR_MS = 60_000;

/**
 * @param keyOf the partition key of a value
 * @param wake called when a shard's bucket has something to give again
 */
export function createShardQueues<T>(options: Settings, keyOf: (value: T) => string, wake: () => void): ShardQueues<T> {
  const { sink, clock, log } = options;
  const limiter = createLimiter({ percent: options.rateLimit, clock });
  const { ordered, aggregation } = options;
  const watch = createShardWatch({ sink, clock, log, ordered, changed: reshard, looked, resumed: () => wake() });
  let map: ShardMap | null = null;
  let version = 0;
  let unknown = emptyQueue<T>(null);
  let byShard = new Map<string, ShardQueue<T>>();
  let byKey = new Map<string, ShardQueue<T>>();
  /** Queues that hold something; the first is served first. */
  let listed: ShardQueue<T>[] = [];
  let timer: Timer | null = null;
  const held: ShardQueue<T>[] = [];
  let throttled: { readonly shardId: string; readonly at: number } | null = null;

  const locate = (partitionKey: string): ShardQueue<T> => {
    const shardId = map?.shardOf(hashKey(partitionKey))?.shardId;
    return (shardId === undefined ? undefined : byShard.get(shardId)) ?? unknown;
  };
  const wakeAt = (at: number): void => {
    timer?.cancel();
    timer = clock.timer(Math.max(1, at - clock.now()), wake);
  };
  const push = (queue: ShardQueue<T>, value: T, receivedAt = Number.NEGATIVE_INFINITY): void => {
    queue.values.push(value);
    if (receivedAt < queue.since) queue.since = receivedAt;
    if (queue.listed) return;
    queue.listed = true;
    listed.push(queue);
  };

  let served: ShardQueue<T> = unknown;
  const pay: Pay = (records, bytes) => {
    const wait = served.shardId === null ? 0 : limiter.take(served.shardId, records, bytes);
    if (wait === 0) return true;
    // Not for each single token: a request should carry some.
    served.blockedUntil = clock.now() + Math.max(wait, LEAST_REST_MS);
    return false;
  };

  /** The shards changed: what is queued moves to the queues that are its own now. */
  function reshard(changed: ShardMap): void {
    const queued = listed.flatMap((queue) => [...queue.values]);
    map = changed;
    version += 1;
    unknown = emptyQueue(null);
    byShard = new Map(changed.open.map(({ shardId }) => [shardId, emptyQueue<T>(shardId)]));
    byKey = new Map();
    listed = [];
    limiter.retain(byShard.keys());
    for (const value of queued) push(locate(keyOf(value)), value);
    wake();
  }

  /** What was held back until the shards were listed goes on, by the new list or by the old one. */
  function looked(): void {
    let any = false;
    for (const queue of held.splice(0)) {
      any ||= queue.values.length > 0;
      queue.blockedUntil = Number.NEGATIVE_INFINITY;
    }
    if (any) wake();
  }

  return {
    start: watch.start,
    get version() {
      return version;
    },
    queueOf: (partitionKey) => {
      if (map === null) return unknown;
      const known = byKey.get(partitionKey);
      if (known !== undefined) return known;
      const queue = locate(partitionKey);
      if (byKey.size >= CACHED_KEYS) byKey = new Map();
      byKey.set(partitionKey, queue);
      return queue;
    },
    get auto() {
      return watch.auto;
    },
    push,
    waiting: () => {
      const now = clock.now();
      let count = 0;
      for (const queue of listed) if (restsUntil(queue) <= now && queue.inFlight === 0) count += queue.values.length;
      return count;
    },
    take: (now, server) => {
      let next = Number.POSITIVE_INFINITY;
      let count = 0;
      let full = false;
      while (!full && count < listed.length) {
        const queue = listed[count] as ShardQueue<T>;
        served = queue;
        queue.lingersUntil = Number.NEGATIVE_INFINITY;
        if (queue.blockedUntil <= now) full = server(queue, pay);
        if (restsUntil(queue) > now) next = Math.min(next, restsUntil(queue));
        count += 1;
      }
      // Whoever was served goes to the end; empty queues leave.
      for (const queue of listed.splice(0, count)) {
        queue.listed = queue.values.length > 0;
        if (queue.listed) listed.push(queue);
        else queue.since = Number.POSITIVE_INFINITY;
      }
      if (next !== Number.POSITIVE_INFINITY) wakeAt(next);
    },
    landed: (queue, shardId, before) => {
      const expected = queue.shardId ?? before;
      if (expected === "" || expected === shardId || !watch.unexpected(shardId)) return;
      // More aggregates of the shard would miss theirs too, until it is known which shards there are now.
      const split = aggregation && queue.shardId !== null ? byShard.get(queue.shardId) : undefined;
      if (split === undefined) return;
      split.blockedUntil = Number.POSITIVE_INFINITY;
      held.push(split);
    },
    contains: (shardId, partitionKey) => watch.map === null || watch.map.contains(shardId, hashKey(partitionKey)),
    throttled: ({ shardId }) => {
      if (shardId === null) return;
      throttled = { shardId, at: clock.now() };
      limiter.throttled(shardId);
    },
    slowest: () => {
      const now = clock.now();
      let slowest: ShardQueue<T> | null = null;
      for (const queue of listed) {
        if (queue.blockedUntil > now && queue.values.length > (slowest?.values.length ?? 0)) slowest = queue;
      }
      if (slowest !== null) return slowest.shardId;
      return throttled !== null && now - throttled.at < THROTTLED_FOR_MS ? throttled.shardId : null;
    },
    close: () => {
      watch.close();
      timer?.cancel();
    },
  };
}

function restsUntil({ blockedUntil, lingersUntil }: ShardQueue<unknown>): number {
  return Math.max(blockedUntil, lingersUntil);
}

function emptyQueue<T>(shardId: string | null): ShardQueue<T> {
  return {
    shardId,
    inFlight: 0,
    values: createFifo(),
    blockedUntil: Number.NEGATIVE_INFINITY,
    since: Number.POSITIVE_INFINITY,
    lingersUntil: Number.NEGATIVE_INFINITY,
    listed: false,
  };
}
