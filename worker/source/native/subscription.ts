import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { FoundPartition } from "../broker/discovery.ts";
import type { KeyWatch } from "../encryption/key-watch.ts";
import type { Assignment, Delivery, ReceiveBudget, SourceHandler } from "../source.ts";
import type { NativeConsumer, NativeMessageId, NativeModule } from "./client.ts";
import { acknowledgeEntry, type NativeEntry } from "./entry.ts";
import { type Piece, type Received, type ReceivedMessage, readMessages } from "./message.ts";

/** Several times within a lease. */
const LOOK_MS = 1_000;
/** An empty batch receive costs as much as a full one, so an idle topic is asked less often: milliseconds. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 80;
/** Objects, strings and the library's own metadata, beside the payload, which the library keeps a second time. */
const MESSAGE_OVERHEAD = 600;

/** What all topic-partitions of one source share. */
export interface NativeContext {
  readonly module: NativeModule;
  readonly subscribe: (found: FoundPartition) => Promise<NativeConsumer>;
  readonly handler: SourceHandler;
  readonly budget: ReceiveBudget;
  /** Sets what the library does not tell of entries. @throws SourceError when that cannot be known now */
  readonly complete: (topic: string, received: Received, signal: AbortSignal) => Promise<void>;
  /** Null without keys, and for ordered subscriptions. */
  readonly watchKeys: ((onFound: () => void) => KeyWatch) | null;
  /**
   * Failover: whether this worker is the active consumer. Null otherwise. @throws when it cannot be learnt now
   */
  readonly isActive: ((topic: string, signal: AbortSignal) => Promise<boolean>) | null;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nextEpoch: () => number;
  readonly stopped: () => boolean;
  /** Resolves when bytes of the budget were given back, after `ms`, or when the signal aborts. */
  readonly released: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface NativeDelivery extends Delivery {
  /** Of the last message. */
  readonly last: NativeMessageId;
  readonly pieces: readonly Piece[];
  readonly subscription: NativeSubscription;
}

interface NativeAssignment extends Assignment {
  active: boolean;
  answeredAt: number;
}

/** One subscription of one topic-partition, from the library's consumer to the handler. */
export class NativeSubscription {
  readonly #topic: string;
  readonly #consumer: NativeConsumer;
  readonly #context: NativeContext;
  /** Aborts when the topic-partition is given up. */
  readonly #closing: AbortSignal;
  /** Null without keys, and where the pipeline has a stopped topic-partition sent again by itself. */
  readonly #keyWatch: KeyWatch | null;
  /** Acknowledgements that the library has not taken yet. */
  readonly #acknowledging = new Set<Promise<unknown>>();
  /** With Failover null until the broker names this worker active, or sends the first message: a standby gets none. */
  #assignment: NativeAssignment | null = null;
  /** Milliseconds to wait before the next subscription; null while this one lasts. */
  #nextAfterMs: number | null = null;

  constructor(topic: string, consumer: NativeConsumer, context: NativeContext, closing: AbortSignal) {
    this.#topic = topic;
    this.#consumer = consumer;
    this.#context = context;
    this.#closing = closing;
    this.#keyWatch = context.watchKeys?.(() => this.end(0)) ?? null;
  }

  get assignment(): Assignment | null {
    return this.#assignment;
  }

  get acknowledging(): Iterable<Promise<unknown>> {
    return this.#acknowledging;
  }

  get #ended(): boolean {
    return this.#nextAfterMs !== null;
  }

  start(): void {
    if (this.#closing.aborted) this.end(0);
    else if (this.#context.isActive === null) this.#assign(this.#context.clock.now());
    void this.#watch();
  }

  /**
   * Delivers until the subscription ends; resolves with the milliseconds to wait before the next one.
   * @throws SourceError, or what the library throws
   */
  async receive(): Promise<number> {
    try {
      await this.#receiveUntilEnd();
    } catch (error) {
      // A batch receive that waits fails when its consumer is closed.
      if (!this.#ended) throw error;
    }
    return this.#nextAfterMs ?? 0;
  }

  /** Ends the subscription at once; the next one may begin after `delayMs`. */
  end(delayMs: number): void {
    if (this.#ended) return;
    this.#nextAfterMs = delayMs;
    if (this.#assignment !== null) {
      this.#assignment.active = false;
      this.#context.handler.revoked(this.#assignment);
    }
    this.#keyWatch?.end();
    // Sends what is acknowledged, and ends a batch receive that waits.
    void this.closed();
  }

  /** Resolves when the library has closed the consumer. */
  async closed(): Promise<void> {
    await this.#consumer.close().catch(() => undefined);
  }

  /** Each entry that is done with this delivery costs one acknowledgement. */
  acknowledge(delivery: NativeDelivery): void {
    this.#keyWatch?.remove(delivery);
    for (const { entry, count } of delivery.pieces) {
      entry.done += count;
      const acknowledging = acknowledgeEntry(entry, this.#context.module, this.#consumer);
      if (acknowledging !== null) this.#track(acknowledging);
    }
  }

  /** One cumulative acknowledgement, of the last message; within a batch the library waits for its end. */
  acknowledgeThrough({ last }: NativeDelivery): void {
    this.#track(this.#consumer.acknowledgeCumulativeId(last));
  }

  #track(acknowledging: Promise<unknown>): void {
    this.#acknowledging.add(acknowledging);
    const forget = (): void => void this.#acknowledging.delete(acknowledging);
    // What was not acknowledged comes again with the next subscription.
    acknowledging.then(forget, forget);
  }

  /** @param answeredAt as of the assignment: when it was asked whether the topic-partition is this worker's */
  #assign(answeredAt: number): NativeAssignment {
    const { nextEpoch, handler } = this.#context;
    const assignment = { topic: this.#topic, epoch: nextEpoch(), active: true, answeredAt };
    this.#assignment = assignment;
    handler.assigned(assignment);
    return assignment;
  }

  async #receiveUntilEnd(): Promise<void> {
    const { budget, clock, complete, released, stopped } = this.#context;
    let open: NativeEntry | null = null;
    let pause = FIRST_PAUSE_MS;
    while (!this.#ended) {
      if (budget.free <= 0 || this.#isFull || stopped()) {
        await released(LOOK_MS, this.#closing);
        continue;
      }
      const received = await this.#consumer.batchReceive();
      const [first] = received;
      if (first === undefined) {
        await clock.sleep(pause, this.#closing).catch(() => undefined);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
        continue;
      }
      pause = FIRST_PAUSE_MS;
      const read = readMessages(received, open);
      open = read.open;
      await complete(this.#topic, read, this.#closing);
      if (this.#ended || stopped()) continue;
      this.#handOn(read, first.getRedeliveryCount());
    }
  }

  /** It holds all that it may beside others, or nothing of it moves. */
  get #isFull(): boolean {
    if (this.#assignment === null) return false;
    const { held, part, isStuck } = this.#context.budget.shareOf(this.#assignment);
    return isStuck || (held > 0 && held >= part);
  }

  #handOn({ messages, pieces }: Received, redeliveryCount: number): void {
    let from = 0;
    for (const part of partsOf(pieces)) {
      // A message tells that it is active, but not since when: the next look will.
      const assignment = this.#assignment ?? this.#assign(Number.NEGATIVE_INFINITY);
      if (!assignment.active) return;
      const to = from + part.reduce((sum, { count }) => sum + count, 0);
      const own = messages.slice(from, to);
      const last = own.at(-1)?.nativeId;
      if (last === undefined) return;
      const delivery: NativeDelivery = {
        assignment,
        messages: own,
        last,
        pieces: part,
        retainedBytes: retainedBytes(own),
        redeliveryCount,
        subscription: this,
      };
      this.#keyWatch?.add(delivery);
      this.#context.budget.shareOf(assignment).take(delivery.retainedBytes);
      this.#context.handler.deliver(delivery);
      from = to;
    }
  }

  /** Looks whether the library is still connected, and the assignment still this worker's. */
  async #watch(): Promise<void> {
    const { clock } = this.#context;
    while (!this.#ended) {
      await clock.sleep(LOOK_MS, this.#closing).catch(() => undefined);
      if (this.#ended) return;
      if (!this.#consumer.isConnected()) this.end(0);
      const assignment = this.#assignment;
      const asked = clock.now();
      const active = await this.#isActive();
      if (this.#ended || active === null) continue;
      if (assignment !== null && !active) this.end(0);
      else if (active) (this.#assignment ?? this.#assign(asked)).answeredAt = asked;
    }
  }

  /** Null when it cannot be learnt now. */
  async #isActive(): Promise<boolean | null> {
    const { isActive } = this.#context;
    if (isActive === null) return this.#assignment !== null;
    return await isActive(this.#topic, this.#closing).catch(() => null);
  }
}

function retainedBytes(messages: readonly ReceivedMessage[]): number {
  return messages.reduce((sum, { payload }) => sum + 2 * payload.length + MESSAGE_OVERHEAD, 0);
}

/** An entry that cannot be read goes by itself, since it stays longer than others. */
function partsOf(pieces: readonly Piece[]): Piece[][] {
  const cut: Piece[][] = [];
  let sound: Piece[] | null = null;
  for (const piece of pieces) {
    if (piece.entry.defect !== null) {
      cut.push([piece]);
      sound = null;
    } else if (sound === null) {
      sound = [piece];
      cut.push(sound);
    } else sound.push(piece);
  }
  return cut;
}
