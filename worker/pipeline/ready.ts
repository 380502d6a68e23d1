/**
 * What is ready to be sent, queued per predicted shard and paced by the shard's token bucket, so that a full shard
 * holds up nothing but itself.
 */
import type { Timer } from "../../runtime/clock.ts";
import { hashKey } from "../sink/hash-key.ts";
import { createLimiter } from "../sink/limiter.ts";
import type { ShardMap } from "../sink/shards.ts";
import { createFifo, type Fifo } from "./fifo.ts";
import { LINGER_MS } from "./linger.ts";
import type { Settings } from "./options.ts";
import { createShardWatch } from "./shard-watch.ts";

/** The queue of a shard, or of records whose shard is not known. */
export interface ShardQueue<T> {
  /** Null: not known, not paced. */
  readonly shardId: string | null;
  readonly values: Fifo<T>;
  /** `Clock.now()` before which its bucket has nothing to give. */
  blockedUntil: number;
  /** Among the queues that hold something. */
  listed: boolean;
}

/** How values are moved into a batch. */
export interface Mover<T> {
  /** Bytes that the value takes; `GONE` when it is to leave its queue unsent; `FULL` when the batch has no room for it. */
  weigh(value: T): number;
  move(value: T): void;
}

export const GONE = 0;
export const FULL = -1;

export interface Ready<T> {
  /** Lists the shards, in the background. */
  start(): void;
  /** The queue for records of a partition key, for as long as `version` stays the same. */
  queueOf(partitionKey: string): ShardQueue<T>;
  /** Grows with each change of the shards. */
  readonly version: number;
  push(queue: ShardQueue<T>, value: T): void;
  /** Values in queues that are not blocked. */
  waiting(): number;
  /** Offers values, shard by shard, until a batch is full or nothing may go now. */
  take(now: number, mover: Mover<T>): void;
  /** A record of the queue was accepted by this shard. */
  landed(queue: ShardQueue<T>, shardId: string): void;
  throttled(queue: ShardQueue<T>): void;
  /** The blocked shard with the longest queue; null when no shard is blocked. */
  slowest(): string | null;
  close(): void;
}

const CACHED_KEYS = 16_384;

/**
 * @param keyOf the partition key of a value
 * @param wake called when a shard's bucket has something to give again
 */
export function createReady<T>(options: Settings, keyOf: (value: T) => string, wake: () => void): Ready<T> {
  const { sink, clock, log } = options;
  const limiter = createLimiter({ percent: options.rateLimit, clock });
  const watch = createShardWatch({ sink, clock, log, changed: reshard });
  let map: ShardMap | null = null;
  let version = 0;
  let unknown = emptyQueue<T>(null);
  let byShard = new Map<string, ShardQueue<T>>();
  let byKey = new Map<string, ShardQueue<T>>();
  /** Queues that hold something; the first is served first. */
  let listed: ShardQueue<T>[] = [];
  let timer: Timer | null = null;

  const locate = (partitionKey: string): ShardQueue<T> => {
    const shardId = map?.shardOf(hashKey(partitionKey))?.shardId;
    return (shardId === undefined ? undefined : byShard.get(shardId)) ?? unknown;
  };
  const wakeAt = (at: number): void => {
    timer?.cancel();
    timer = clock.timer(Math.max(1, at - clock.now()), wake);
  };
  const push = (queue: ShardQueue<T>, value: T): void => {
    queue.values.push(value);
    if (queue.listed) return;
    queue.listed = true;
    listed.push(queue);
  };

  /** Serves one shard; true when the batch is full. */
  function serve(queue: ShardQueue<T>, now: number, mover: Mover<T>): boolean {
    const { values, shardId } = queue;
    for (let value = values.peek(); value !== undefined; value = values.peek()) {
      const bytes = mover.weigh(value);
      if (bytes === FULL) return true;
      if (bytes !== GONE) {
        const wait = shardId === null ? 0 : limiter.take(shardId, 1, bytes);
        if (wait > 0) {
          // Not for each single token: a request should carry some.
          queue.blockedUntil = now + Math.max(wait, LINGER_MS);
          return false;
        }
        mover.move(value);
      }
      values.shift();
    }
    return false;
  }

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
    push,
    waiting: () => {
      const now = clock.now();
      let count = 0;
      for (const queue of listed) if (queue.blockedUntil <= now) count += queue.values.length;
      return count;
    },
    take: (now, mover) => {
      let next = Number.POSITIVE_INFINITY;
      let served = 0;
      let full = false;
      while (!full && served < listed.length) {
        const queue = listed[served] as ShardQueue<T>;
        if (queue.blockedUntil <= now) full = serve(queue, now, mover);
        if (queue.blockedUntil > now) next = Math.min(next, queue.blockedUntil);
        served += 1;
      }
      // Whoever was served goes to the end; empty queues leave.
      for (const queue of listed.splice(0, served)) {
        queue.listed = queue.values.length > 0;
        if (queue.listed) listed.push(queue);
      }
      if (next !== Number.POSITIVE_INFINITY) wakeAt(next);
    },
    landed: (queue, shardId) => {
      if (queue.shardId !== null && queue.shardId !== shardId) watch.unexpected();
    },
    throttled: ({ shardId }) => {
      if (shardId !== null) limiter.throttled(shardId);
    },
    slowest: () => {
      const now = clock.now();
      let slowest: ShardQueue<T> | null = null;
      for (const queue of listed) {
        if (queue.blockedUntil > now && queue.values.length > (slowest?.values.length ?? 0)) slowest = queue;
      }
      return slowest?.shardId ?? null;
    },
    close: () => {
      watch.close();
      timer?.cancel();
    },
  };
}

function emptyQueue<T>(shardId: string | null): ShardQueue<T> {
  return { shardId, values: createFifo(), blockedUntil: Number.NEGATIVE_INFINITY, listed: false };
}
