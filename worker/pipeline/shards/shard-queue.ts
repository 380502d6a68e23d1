/** What waits for one predicted shard, paced by the shard's token bucket. */
import type { Clock } from "../../../runtime/clock.ts";
import type { Limiter } from "../../sink/limiter.ts";
import { createFifo, type Fifo } from "../fifo.ts";
import { ShardSlot } from "./shard-slot.ts";

/** The least rest of a bucket that had nothing to give, milliseconds: a request should carry more than a single token's worth. */
const LEAST_REST_MS = 10;

/** Lingering aggregates leave in common steps, so that one request carries those of many shards: milliseconds. */
const LINGER_STEP_MS = 10;

/** Times are of `Clock.now()`. */
export class ShardQueue<W> {
  readonly slot: ShardSlot;
  readonly waiting: Fifo<W> = createFifo();
  /** Among the queues that hold something. */
  listed = false;
  readonly #clock: Clock;
  readonly #limiter: Limiter;
  /** Before this its bucket has nothing to give. */
  #blockedUntil = Number.NEGATIVE_INFINITY;
  /** When the first of what it holds was received; it may be less when some of it has left. */
  #since = Number.POSITIVE_INFINITY;
  /** Until then what it holds waits for other records. */
  #lingersUntil = Number.NEGATIVE_INFINITY;

  /** @param shardId null: not known, not paced */
  constructor(shardId: string | null, clock: Clock, limiter: Limiter) {
    this.slot = new ShardSlot(shardId);
    this.#clock = clock;
    this.#limiter = limiter;
  }

  get shardId(): string | null {
    return this.slot.shardId;
  }

  /** What it holds may not go before. */
  get restsUntil(): number {
    return Math.max(this.#blockedUntil, this.#lingersUntil);
  }

  isBlocked(now: number): boolean {
    return this.#blockedUntil > now;
  }

  push(value: W, receivedAt: number): void {
    this.waiting.push(value);
    if (receivedAt < this.#since) this.#since = receivedAt;
  }

  /** It is offered to be served: whether it lingers is found anew. */
  offered(): void {
    this.#lingersUntil = Number.NEGATIVE_INFINITY;
  }

  /** It was served; true: it holds something still. */
  served(): boolean {
    this.listed = this.waiting.length > 0;
    if (!this.listed) this.#since = Number.POSITIVE_INFINITY;
    return this.listed;
  }

  /** Takes from the shard's bucket; false when it has nothing to give now, and nothing was taken. */
  pay(records: number, bytes: number): boolean {
    const { shardId } = this.slot;
    const wait = shardId === null ? 0 : this.#limiter.take(shardId, records, bytes);
    if (wait === 0) return true;
    this.#blockedUntil = this.#clock.now() + Math.max(wait, LEAST_REST_MS);
    return false;
  }

  /** What it holds is to wait so many milliseconds for other records; false: it has waited that long. */
  lingers(ms: number, now: number): boolean {
    this.#lingersUntil = Math.ceil((this.#since + ms) / LINGER_STEP_MS) * LINGER_STEP_MS;
    return this.#lingersUntil > now;
  }

  /** Nothing goes until `release`. */
  hold(): void {
    this.#blockedUntil = Number.POSITIVE_INFINITY;
  }

  release(): void {
    this.#blockedUntil = Number.NEGATIVE_INFINITY;
  }
}
