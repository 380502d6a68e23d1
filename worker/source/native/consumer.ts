import { backoff } from "../../../runtime/backoff.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { FoundPartition } from "../broker/discovery.ts";
import { type Failure, isSlow } from "../broker/failures.ts";
import type { KeyWatch } from "../encryption/key-watch.ts";
import type { Assignment, Delivery, ReceiveBudget, SourceHandler } from "../source.ts";
import { SourceError } from "../source.ts";
import { type NativeConsumer, type NativeMessageId, type NativeModule, nativeError } from "./client.ts";
import { acknowledgeEntry, type NativeEntry } from "./entry.ts";
import { type Piece, type Received, readMessages } from "./message.ts";

const RETRY = { initial: 500, max: 5_000, floor: 100 };
/** Waiting for a person to mend something. */
const SLOW_RETRY_MS = 15_000;
/** The pipelines write for assignments whose broker was heard from within 10 s. */
const LOOK_MS = 2_000;
/** An empty batch receive costs as much as a full one, so an idle topic is asked less often: milliseconds. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 80;
/** Objects, strings and the library's own metadata, beside the payload, which the library keeps a second time. */
const MESSAGE_OVERHEAD = 600;

export interface NativeDelivery extends Delivery {
  /** Of the last message. */
  readonly last: NativeMessageId;
  readonly pieces: readonly Piece[];
  readonly subscription: NativeSubscription;
}

export interface NativeAssignment extends Assignment {
  active: boolean;
  heardAt: number;
}

/** One subscription of one topic-partition. */
export interface NativeSubscription {
  readonly consumer: NativeConsumer;
  /** With Failover null until the broker names this worker active, or sends the first message: a standby gets none. */
  assignment: NativeAssignment | null;
  /** Null without keys, and where the pipeline has a stopped topic-partition sent again by itself. */
  readonly keyWatch: KeyWatch | null;
  /** Acknowledgements that the library has not taken yet. */
  readonly acknowledging: Set<Promise<unknown>>;
  /** Milliseconds to wait before the next subscription; null while this one lasts. */
  endAfter: number | null;
}

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

/** Keeps one topic-partition subscribed, whatever happens to the broker. */
export interface NativeTopic {
  readonly topic: string;
  readonly subscription: NativeSubscription | null;
  readonly failure: Failure | null;
  /** Ends the subscription at once and subscribes again after `delayMs`. */
  end(delayMs: number): void;
  close(): Promise<void>;
}

export function acknowledgeDelivery(delivery: NativeDelivery, module: NativeModule): void {
  const { subscription, pieces } = delivery;
  subscription.keyWatch?.remove(delivery);
  for (const { entry, count } of pieces) {
    entry.done += count;
    keep(subscription, acknowledgeEntry(entry, module, subscription.consumer));
  }
}

/** One cumulative acknowledgement, of the last message; within a batch the library waits for its end. */
export function acknowledgeThroughDelivery({ subscription, last }: NativeDelivery): void {
  keep(subscription, subscription.consumer.acknowledgeCumulativeId(last));
}

function keep(subscription: NativeSubscription, acknowledging: Promise<unknown> | null): void {
  if (acknowledging === null) return;
  subscription.acknowledging.add(acknowledging);
  const forget = (): void => void subscription.acknowledging.delete(acknowledging);
  // What was not acknowledged comes again with the next subscription.
  acknowledging.then(forget, forget);
}

export function startNativeTopic(found: FoundPartition, context: NativeContext): NativeTopic {
  const { handler, budget, clock, log } = context;
  const topic = found.name;
  const closing = new AbortController();
  let subscription: NativeSubscription | null = null;
  let failure: Failure | null = null;

  const fail = (error: SourceError): void => {
    const since = failure?.code === error.code ? failure.since : clock.now();
    if (failure?.code !== error.code) log.warn("a topic cannot be consumed", { topic, reason: error.message });
    failure = { code: error.code, message: error.message, since };
  };

  const assign = (current: NativeSubscription): NativeAssignment => {
    const assignment = { topic, epoch: context.nextEpoch(), active: true, heardAt: clock.now() };
    current.assignment = assignment;
    handler.assigned(assignment);
    return assignment;
  };

  const end = (ended: NativeSubscription, delayMs: number): void => {
    if (ended.endAfter !== null) return;
    ended.endAfter = delayMs;
    if (ended.assignment !== null) {
      ended.assignment.active = false;
      handler.revoked(ended.assignment);
    }
    ended.keyWatch?.end();
    // Sends what is acknowledged, and ends a batch receive that waits.
    void ended.consumer.close().catch(() => undefined);
  };

  const handOn = (current: NativeSubscription, { messages, pieces }: Received, redeliveryCount: number): void => {
    let from = 0;
    for (const part of parts(pieces)) {
      const assignment = current.assignment ?? assign(current);
      if (!assignment.active) return;
      const to = from + part.reduce((sum, { count }) => sum + count, 0);
      const own = messages.slice(from, to);
      const last = own.at(-1)?.nativeId;
      if (last === undefined) return;
      const retainedBytes = own.reduce((sum, { payload }) => sum + 2 * payload.length + MESSAGE_OVERHEAD, 0);
      const delivery: NativeDelivery = {
        assignment,
        messages: own,
        last,
        pieces: part,
        retainedBytes,
        redeliveryCount,
        subscription: current,
      };
      current.keyWatch?.add(delivery);
      budget.take(retainedBytes);
      handler.deliver(delivery);
      from = to;
    }
  };

  const receive = async (current: NativeSubscription): Promise<void> => {
    let open: NativeEntry | null = null;
    let pause = FIRST_PAUSE_MS;
    while (current.endAfter === null) {
      if (budget.free <= 0 || context.stopped()) {
        await context.released(LOOK_MS, closing.signal);
        continue;
      }
      const received = await current.consumer.batchReceive();
      const [first] = received;
      if (first === undefined) {
        await clock.sleep(pause, closing.signal).catch(() => undefined);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
        continue;
      }
      pause = FIRST_PAUSE_MS;
      const read = readMessages(received, open);
      open = read.open;
      await context.complete(topic, read, closing.signal);
      if (current.endAfter !== null || context.stopped()) continue;
      handOn(current, read, first.getRedeliveryCount());
    }
  };

  /** Null when it cannot be learnt now. */
  const isActive = async (current: NativeSubscription): Promise<boolean | null> => {
    if (context.isActive === null) return current.assignment !== null;
    return await context.isActive(topic, closing.signal).catch(() => null);
  };

  /** Looks whether the library is still connected, and the assignment still this worker's. */
  const watch = async (current: NativeSubscription): Promise<void> => {
    while (current.endAfter === null) {
      await clock.sleep(LOOK_MS, closing.signal).catch(() => undefined);
      if (current.endAfter !== null) return;
      if (!current.consumer.isConnected()) end(current, 0);
      const { assignment } = current;
      const asked = clock.now();
      const active = await isActive(current);
      if (current.endAfter !== null || active === null) continue;
      if (assignment !== null && !active) end(current, 0);
      else if (active) (current.assignment ?? assign(current)).heardAt = asked;
    }
  };

  const subscribeOnce = async (): Promise<number> => {
    const current: NativeSubscription = {
      consumer: await context.subscribe(found),
      assignment: null,
      keyWatch: context.watchKeys?.(() => end(current, 0)) ?? null,
      acknowledging: new Set(),
      endAfter: null,
    };
    subscription = current;
    if (closing.signal.aborted) end(current, 0);
    else if (context.isActive === null) assign(current);
    failure = null;
    void watch(current);
    try {
      await receive(current);
    } catch (error) {
      // A batch receive that waits fails when its consumer is closed.
      if (current.endAfter === null) throw error;
    } finally {
      end(current, 0);
      subscription = null;
      await current.consumer.close().catch(() => undefined);
    }
    return current.endAfter ?? 0;
  };

  const run = async (): Promise<void> => {
    const retry = backoff(RETRY);
    while (!closing.signal.aborted) {
      let delay: number;
      try {
        delay = await subscribeOnce();
        retry.reset();
      } catch (cause) {
        const error = nativeError(`consuming ${topic}`, cause);
        fail(error);
        delay = isSlow(error) ? SLOW_RETRY_MS : retry.next();
      }
      await clock.sleep(delay, closing.signal).catch(() => undefined);
    }
  };

  const finished = run();
  return {
    topic,
    get subscription() {
      return subscription;
    },
    get failure() {
      return failure;
    },
    end(delayMs) {
      if (subscription !== null) end(subscription, delayMs);
    },
    async close() {
      closing.abort(new SourceError("BrokerUnreachable", "the source is being closed"));
      if (subscription !== null) end(subscription, 0);
      await finished;
    },
  };
}

/** An entry that cannot be read goes by itself, since it stays longer than others. */
function parts(pieces: readonly Piece[]): Piece[][] {
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
