/**
 * What is ready to be sent, queued per predicted shard and paced by the shard's token bucket, so that a full shard
 * holds up nothing but itself.
 */
import type { Clock, Timer } from "../../../runtime/clock.ts";
import { hashKey } from "../../sink/hash-key.ts";
import { createLimiter, type Limiter } from "../../sink/limiter.ts";
import type { ShardMap } from "../../sink/shard-map.ts";
import type { Settings } from "../options.ts";
import { ShardQueue } from "./shard-queue.ts";
import { createShardWatch, type ShardWatch } from "./shard-watch.ts";

interface Routed {
  /** The partition key that tells the queue. */
  readonly routingKey: string;
}

export interface ShardQueues<W extends Routed> {
  /** Lists the shards, in the background. */
  start(): void;
  /** The queue for records of a partition key, for as long as `version` stays the same. */
  queueOf(partitionKey: string): ShardQueue<W>;
  /** Grows with each change of the shards. */
  readonly version: number;
  /** Grows when the stream was made anew, or may have been: sequence numbers from before are not to be compared. */
  readonly life: number;
  /** The stream ignores hash keys now (RecordDistributionStrategy AUTO). */
  readonly auto: boolean;
  /** @param receivedAt not given: it waited long enough */
  push(queue: ShardQueue<W>, value: W, receivedAt?: number): void;
  /** Values that were pushed since this was asked last. */
  takeArrived(): number;
  /** Values in queues that may go now and have no record in flight. */
  waiting(): number;
  /** Queues that hold something; the first is to be served first. */
  readonly listed: readonly ShardQueue<W>[];
  /**
   * The first so many of the listed queues were served: those that hold something still go to the end, the others leave.
   * @param restsUntil `Clock.now()` at which one of them is to be served again; Infinity: none is
   */
  served(count: number, restsUntil: number): void;
  /**
   * A record that was meant for the shard `predicted` was accepted by this one.
   * @param before the shard of the key's record before; "" when not known
   */
  landed(predicted: string | null, shardId: string, before: string): void;
  /**
   * False when a shard that is accepted to is another one than was known under this id: the stream was made anew.
   * @param version of the shards for which the record was sent
   */
  holds(shardId: string, sequenceNumber: string, predicted: string | null, version: number): boolean;
  /** False when a consumer of this shard drops an aggregate that holds such a key, or it is not known whether it does. */
  contains(shardId: string, partitionKey: string): boolean;
  /** A record was accepted that should not have been executed yet: the stream may be another one. */
  doubted(): void;
  /** The stream is not there, or not active: its shards are not known any more. */
  gone(): void;
  throttled(shardId: string | null): void;
  /** The blocked shard with the longest queue, else the one throttled last within a minute; null when there is none. */
  slowest(): string | null;
  close(): void;
}

const CACHED_KEYS = 16_384;
/** How long a throttled shard is named when no queue waits for its bucket: all of its records rest then. */
const THROTTLED_FOR_MS = 60_000;

/** @param wake called when something may go again: a shard's bucket has something to give, or the shards changed */
export function createShardQueues<W extends Routed>(settings: Settings, wake: () => void): ShardQueues<W> {
  return new PacedQueues<W>(settings, wake);
}

class PacedQueues<W extends Routed> implements ShardQueues<W> {
  readonly #clock: Clock;
  readonly #aggregation: boolean;
  readonly #limiter: Limiter;
  readonly #watch: ShardWatch;
  readonly #wake: () => void;
  #map: ShardMap | null = null;
  #version = 0;
  #unknown: ShardQueue<W>;
  #byShard = new Map<string, ShardQueue<W>>();
  #byKey = new Map<string, ShardQueue<W>>();
  #listed: ShardQueue<W>[] = [];
  #arrived = 0;
  #timer: Timer | null = null;
  /** Nothing goes from them until the shards were looked at. */
  readonly #held: ShardQueue<W>[] = [];
  #lastThrottled: { readonly shardId: string; readonly at: number } | null = null;

  constructor(settings: Settings, wake: () => void) {
    const { sink, streamWatch, clock, log, ordered, rateLimit, aggregation } = settings;
    this.#clock = clock;
    this.#aggregation = aggregation;
    this.#wake = wake;
    this.#limiter = createLimiter({ percent: rateLimit, clock });
    this.#unknown = new ShardQueue(null, clock, this.#limiter);
    this.#watch = createShardWatch({
      sink,
      streamWatch,
      clock,
      log,
      ordered,
      changed: (map) => this.#reshard(map),
      looked: () => this.#looked(),
      resumed: wake,
    });
  }

  start(): void {
    this.#watch.start();
  }

  get version(): number {
    return this.#version;
  }

  get life(): number {
    return this.#watch.life;
  }

  get auto(): boolean {
    return this.#watch.auto;
  }

  get listed(): readonly ShardQueue<W>[] {
    return this.#listed;
  }

  queueOf(partitionKey: string): ShardQueue<W> {
    if (this.#map === null) return this.#unknown;
    const known = this.#byKey.get(partitionKey);
    if (known !== undefined) return known;
    const queue = this.#locate(partitionKey);
    if (this.#byKey.size >= CACHED_KEYS) this.#byKey = new Map();
    this.#byKey.set(partitionKey, queue);
    return queue;
  }

  push(queue: ShardQueue<W>, value: W, receivedAt = Number.NEGATIVE_INFINITY): void {
    this.#arrived += 1;
    this.#put(queue, value, receivedAt);
  }

  takeArrived(): number {
    const arrived = this.#arrived;
    this.#arrived = 0;
    return arrived;
  }

  waiting(): number {
    const now = this.#clock.now();
    let count = 0;
    for (const queue of this.#listed) {
      if (queue.restsUntil <= now && queue.slot.inFlight === 0) count += queue.waiting.length;
    }
    return count;
  }

  served(count: number, restsUntil: number): void {
    for (const queue of this.#listed.splice(0, count)) if (queue.served()) this.#listed.push(queue);
    if (restsUntil === Number.POSITIVE_INFINITY) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(Math.max(1, restsUntil - this.#clock.now()), this.#wake);
  }

  landed(predicted: string | null, shardId: string, before: string): void {
    if (this.#map === null) this.#watch.isBack();
    const expected = predicted ?? before;
    if (expected === "" || expected === shardId || !this.#watch.unexpected(shardId)) return;
    this.#hold(predicted);
  }

  holds(shardId: string, sequenceNumber: string, predicted: string | null, version: number): boolean {
    const isCurrent = version === this.#version;
    if (this.#watch.holds(shardId, sequenceNumber, isCurrent)) return true;
    if (isCurrent) this.#hold(predicted);
    return false;
  }

  contains(shardId: string, partitionKey: string): boolean {
    return this.#map?.contains(shardId, hashKey(partitionKey)) ?? false;
  }

  doubted(): void {
    this.#watch.lookAgain();
  }

  gone(): void {
    this.#watch.gone();
  }

  throttled(shardId: string | null): void {
    if (shardId === null) return;
    this.#lastThrottled = { shardId, at: this.#clock.now() };
    this.#limiter.throttled(shardId);
  }

  slowest(): string | null {
    const now = this.#clock.now();
    let slowest: ShardQueue<W> | null = null;
    for (const queue of this.#listed) {
      if (queue.isBlocked(now) && queue.waiting.length > (slowest?.waiting.length ?? 0)) slowest = queue;
    }
    if (slowest !== null) return slowest.shardId;
    const last = this.#lastThrottled;
    return last !== null && now - last.at < THROTTLED_FOR_MS ? last.shardId : null;
  }

  close(): void {
    this.#watch.close();
    this.#timer?.cancel();
  }

  #put(queue: ShardQueue<W>, value: W, receivedAt: number): void {
    queue.push(value, receivedAt);
    if (queue.listed) return;
    queue.listed = true;
    this.#listed.push(queue);
  }

  /** More aggregates of the shard would miss theirs too, until it is known which shards there are now. */
  #hold(predicted: string | null): void {
    const queue = this.#aggregation && predicted !== null ? this.#byShard.get(predicted) : undefined;
    if (queue === undefined) return;
    queue.hold();
    this.#held.push(queue);
  }

  #locate(partitionKey: string): ShardQueue<W> {
    const shardId = this.#map?.shardOf(hashKey(partitionKey))?.shardId;
    return (shardId === undefined ? undefined : this.#byShard.get(shardId)) ?? this.#unknown;
  }

  /** The shards changed: what is queued moves to the queues that are its own now. @param map null: nobody knows them */
  #reshard(map: ShardMap | null): void {
    const queued = this.#listed.flatMap((queue) => [...queue.waiting]);
    const empty = (shardId: string | null) => new ShardQueue<W>(shardId, this.#clock, this.#limiter);
    this.#map = map;
    this.#version += 1;
    this.#unknown = empty(null);
    this.#byShard = new Map((map?.open ?? []).map(({ shardId }) => [shardId, empty(shardId)]));
    this.#byKey = new Map();
    this.#listed = [];
    this.#limiter.retain(this.#byShard.keys());
    for (const value of queued) this.#put(this.#locate(value.routingKey), value, Number.NEGATIVE_INFINITY);
    this.#wake();
  }

  /** What was held back until the shards were listed goes on, by the new list or by the old one. */
  #looked(): void {
    let any = false;
    for (const queue of this.#held.splice(0)) {
      any ||= queue.waiting.length > 0;
      queue.release();
    }
    if (any) this.#wake();
  }
}
