import { backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { NativeConsumer, NativeMessageId } from "./native-client.ts";
import { nativeError } from "./native-client.ts";
import { readNativeMessage } from "./native-message.ts";
import type { Assignment, Delivery, ReceiveBudget, SourceFailure, SourceHandler } from "./source.ts";

const RETRY = { initial: 500, max: 15_000, floor: 100 };
const LOOK_MS = 1_000;
/** Objects, strings and the client's own copy, beside the payload. */
const MESSAGE_OVERHEAD = 600;

export interface NativeDelivery extends Delivery {
  readonly life: NativeLife;
  readonly ids: readonly NativeMessageId[];
}

/** One subscription of one topic-partition; at its end the assignment ends. */
export interface NativeLife {
  readonly assignment: Assignment & { active: boolean };
  readonly consumer: NativeConsumer;
  /** Acknowledgements that the client has not taken yet. */
  readonly acknowledging: Set<Promise<void>>;
  /** Milliseconds to wait before the next subscription; null while it lasts. */
  endAfter: number | null;
}

export interface NativeTopic {
  readonly topic: string;
  readonly life: NativeLife | null;
  readonly failure: SourceFailure | null;
  rewind(delayMs: number): void;
  close(): Promise<void>;
}

export function acknowledgeNative(life: NativeLife, ids: readonly NativeMessageId[], cumulative: boolean): void {
  for (const id of ids) {
    const done = (cumulative ? life.consumer.acknowledgeCumulativeId(id) : life.consumer.acknowledgeId(id)).then(
      () => undefined,
      // What was not acknowledged comes again with the next subscription.
      () => undefined,
    );
    life.acknowledging.add(done);
    void done.then(() => life.acknowledging.delete(done));
  }
}

/** Keeps one topic-partition subscribed and hands on what each batch receive brings. */
export function startNativeTopic(options: {
  readonly topic: string;
  readonly subscribe: (topic: string) => Promise<NativeConsumer>;
  readonly handler: SourceHandler;
  readonly budget: ReceiveBudget;
  readonly clock: Clock;
  readonly nextEpoch: () => number;
  readonly stopped: () => boolean;
  /** Resolves when bytes of the budget were given back. */
  readonly released: () => Promise<void>;
}): NativeTopic {
  const { topic, handler, budget, clock } = options;
  const closing = new AbortController();
  let life: NativeLife | null = null;
  let failure: SourceFailure | null = null;

  const begin = (consumer: NativeConsumer): NativeLife => {
    let heardAt = clock.now();
    const assignment = {
      topic,
      epoch: options.nextEpoch(),
      active: true,
      // pulsar-client hides its pings; a connection that it calls open was heard from within its own limits.
      get heardAt() {
        if (consumer.isConnected()) heardAt = clock.now();
        return heardAt;
      },
    };
    return { assignment, consumer, acknowledging: new Set(), endAfter: null };
  };

  const finish = (ended: NativeLife): void => {
    if (!ended.assignment.active) return;
    ended.assignment.active = false;
    handler.revoked(ended.assignment);
  };

  const receive = async (current: NativeLife): Promise<void> => {
    while (current.endAfter === null && !closing.signal.aborted) {
      if (budget.free <= 0 || options.stopped()) {
        await Promise.race([options.released(), clock.sleep(LOOK_MS)]);
        continue;
      }
      const received = await current.consumer.batchReceive();
      if (received.length === 0 || current.endAfter !== null || options.stopped()) continue;
      const messages = received.map(readNativeMessage);
      const retainedBytes = messages.reduce((sum, { payload }) => sum + payload.length + MESSAGE_OVERHEAD, 0);
      const redeliveryCount = received[0]?.getRedeliveryCount() ?? 0;
      budget.take(retainedBytes);
      const delivery: NativeDelivery = {
        assignment: current.assignment,
        messages,
        retainedBytes,
        redeliveryCount,
        life: current,
        ids: messages.map(({ nativeId }) => nativeId),
      };
      handler.deliver(delivery);
    }
  };

  const run = async (): Promise<void> => {
    const retry = backoff(RETRY);
    while (!closing.signal.aborted) {
      let delay = retry.next();
      try {
        const current = begin(await options.subscribe(topic));
        life = current;
        failure = null;
        retry.reset();
        handler.assigned(current.assignment);
        await receive(current);
        delay = current.endAfter ?? 0;
      } catch (error) {
        if (life?.endAfter !== null && life !== null) delay = life.endAfter;
        else failure = nativeError(`consuming ${topic}`, error);
      }
      if (life !== null) {
        finish(life);
        await life.consumer.close().catch(() => undefined);
      }
      life = null;
      await clock.sleep(delay, closing.signal).catch(() => undefined);
    }
  };

  const finished = run();
  return {
    topic,
    get life() {
      return life;
    },
    get failure() {
      return failure;
    },
    rewind(delayMs) {
      if (life === null) return;
      life.endAfter = delayMs;
      finish(life);
      // A batch receive that waits would hold up the end.
      void life.consumer.close().catch(() => undefined);
    },
    async close() {
      closing.abort();
      if (life !== null) {
        finish(life);
        await life.consumer.close().catch(() => undefined);
      }
      await finished;
    },
  };
}
