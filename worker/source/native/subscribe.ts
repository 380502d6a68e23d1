import type { Clock } from "../../../runtime/clock.ts";
import type { FoundPartition } from "../broker/discovery.ts";
import type { Lookup } from "../broker/lookup.ts";
import type { TopicPattern } from "../broker/topic-name.ts";
import { SourceError, type SubscriptionType } from "../source.ts";
import type { NativeConsumer } from "./client.ts";
import type { NativeConnection } from "./connection.ts";
import type { NativeDecryption } from "./decryption.ts";

/** The library keeps this many messages per topic-partition outside the budget. */
const LARGEST_QUEUE = 500;
const BATCH_RECEIVE_BYTES = 1024 * 1024;
/** A message waits this long at most for others to come with it. */
const BATCH_RECEIVE_MS = 10;
/** Longer than the library's own timeout. */
const SUBSCRIBE_TIMEOUT_MS = 20_000;

/** Subscribes to topic-partitions with the library. @throws SourceError, or what the library throws */
export function createSubscribe(options: {
  readonly connection: NativeConnection;
  readonly lookup: Lookup;
  /** Null for topics that are named. */
  readonly pattern: TopicPattern | null;
  readonly subscription: {
    readonly name: string;
    readonly type: SubscriptionType;
    readonly initialPosition: "Earliest" | "Latest";
  };
  readonly consumerName: string;
  /** Messages. */
  readonly receiverQueueSize: number | undefined;
  /** Null: what was encrypted end to end is passed on so. */
  readonly decryption: NativeDecryption | null;
  readonly clock: Clock;
}): (found: FoundPartition) => Promise<NativeConsumer> {
  const { connection, lookup, pattern, subscription, decryption, clock } = options;
  const queue = Math.min(options.receiverQueueSize ?? LARGEST_QUEUE, LARGEST_QUEUE);
  return async ({ name: topic, late, create }) => {
    // The library would create a topic again that was deleted under a pattern.
    if (!create && pattern !== null && !(await lookup.topics(pattern.namespace)).includes(topic)) {
      throw new SourceError("TopicNotFound", `${topic} does not exist any more`);
    }
    decryption?.checkKeys();
    const client = await connection.client();
    const subscribed = client.subscribe({
      topic,
      subscription: subscription.name,
      subscriptionType: subscription.type,
      subscriptionInitialPosition: late ? "Earliest" : subscription.initialPosition,
      receiverQueueSize: queue,
      consumerName: options.consumerName,
      ...(decryption === null ? {} : { cryptoKeyReader: decryption.keyReader }),
      cryptoFailureAction: "CONSUME",
      batchReceivePolicy: { maxNumMessages: queue, maxNumBytes: BATCH_RECEIVE_BYTES, timeoutMs: BATCH_RECEIVE_MS },
    });
    return await inTime(subscribed, clock, `subscribing to ${topic}`);
  };
}

/** The library may leave a subscription unanswered that begins while its topic is unloaded or deleted. */
async function inTime(subscribed: Promise<NativeConsumer>, clock: Clock, what: string): Promise<NativeConsumer> {
  const expired = Promise.withResolvers<null>();
  const timer = clock.timer(SUBSCRIBE_TIMEOUT_MS, () => expired.resolve(null));
  const consumer = await Promise.race([subscribed, expired.promise]).finally(() => timer.cancel());
  if (consumer !== null) return consumer;
  subscribed.then((late) => late.close()).catch(() => undefined);
  throw new SourceError("BrokerNotReady", `${what}: pulsar-client does not answer; it is tried again`);
}
