import { backoff } from "../../../runtime/backoff.ts";
import { asSourceError, type Failure, isSlow } from "../broker/failures.ts";
import type { Lookup } from "../broker/lookup.ts";
import { SourceError } from "../source.ts";
import type { SubscribePosition } from "./subscribe.ts";
import { type CarryOver, openSubscription, type Subscription, type SubscriptionContext } from "./subscription.ts";

const RETRY = { initial: 100, max: 10_000, floor: 20 };
/** Waiting for a person to mend something. */
const SLOW_RETRY = { initial: 2_000, max: 15_000, floor: 1_000 };
/** A subscription that lasted this long was sound: the next back-off starts anew. */
const SOUND_MS = 10_000;

/** Keeps one topic-partition subscribed, whatever happens to brokers and connections. */
export interface PartitionConsumer {
  readonly topic: string;
  /** The subscription as of now; null while there is none. */
  readonly subscription: Subscription | null;
  readonly failure: Failure | null;
  close(): Promise<void>;
}

export function createPartitionConsumer(
  topic: string,
  position: SubscribePosition,
  lookup: Lookup,
  context: SubscriptionContext,
): PartitionConsumer {
  const { clock, log } = context;
  const closing = new AbortController();
  let subscription: Subscription | null = null;
  let failure: Failure | null = null;
  let carryOver: CarryOver = { undurable: [], bytesPerPermit: null };

  const fail = (error: SourceError): void => {
    if (failure?.code !== error.code)
      log.warn("a topic cannot be consumed", { topic, code: error.code, reason: error.message });
    const since = failure?.code === error.code ? failure.since : clock.now();
    failure = { code: error.code, message: error.message, since };
  };

  /** Subscribes once and lasts as long as the subscription. Resolves with the delay before the next time; null: back off. */
  const subscribeOnce = async (): Promise<number | null> => {
    context.checkKeys();
    const connection = await lookup.broker(topic);
    closing.signal.throwIfAborted();
    const opened = await openSubscription(topic, connection, position, carryOver, context);
    if (closing.signal.aborted) opened.end(0);
    else {
      subscription = opened;
      failure = null;
      log.info("subscribed", { topic });
    }
    const end = await opened.ended;
    subscription = null;
    carryOver = end.carryOver;
    if (end.kind === "ended") return end.delayMs;
    log.info("the subscription was lost", { topic, reason: end.reason.message });
    return null;
  };

  const run = async (): Promise<void> => {
    const quick = backoff(RETRY);
    const slow = backoff(SLOW_RETRY);
    while (!closing.signal.aborted) {
      const started = clock.now();
      let delay: number;
      try {
        const asked = await subscribeOnce();
        if (clock.now() - started > SOUND_MS) quick.reset();
        delay = asked ?? quick.next();
        slow.reset();
      } catch (cause) {
        if (closing.signal.aborted) return;
        const error = asSourceError(cause, `consuming ${topic}`);
        fail(error);
        delay = (isSlow(error) ? slow : quick).next();
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
    async close() {
      closing.abort(new SourceError("BrokerUnreachable", "the source is being closed"));
      subscription?.end(0);
      await finished;
    },
  };
}
