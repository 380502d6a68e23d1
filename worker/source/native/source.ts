import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../../runtime/clock.ts";
import { createDeadLetters } from "../broker/dead-letter-producer.ts";
import { type Discovery, type FoundPartition, startDiscovery } from "../broker/discovery.ts";
import { oldest } from "../broker/failures.ts";
import { createLookup } from "../broker/lookup.ts";
import { createPool } from "../broker/pool.ts";
import { createSchemas, latestSchemaVersion } from "../broker/schemas.ts";
import { parseServiceUrl } from "../broker/service-url.ts";
import { fullTopicName, topicPattern } from "../broker/topic-name.ts";
import type { NativeAdmin, NativeSourceOptions } from "../options.ts";
import { type Delivery, type Source, SourceError, type SourceHandler, type SourceState } from "../source.ts";
import { createActiveCheck, createSchemaVersions } from "./admin.ts";
import { loadNativeClient, type NativeConsumer, type NativeModule } from "./client.ts";
import { createNativeConnection } from "./connection.ts";
import { createNativeDecryption } from "./decryption.ts";
import { createReleases } from "./releases.ts";
import { type NativeContext, type NativeDelivery, NativeSubscription } from "./subscription.ts";
import { type NativeTopic, startNativeTopic } from "./topic.ts";

/** The library keeps this many messages per topic-partition outside the budget. */
const LARGEST_QUEUE = 500;
const BATCH_RECEIVE_BYTES = 1024 * 1024;
/** A message waits this long at most for others to come with it. */
const BATCH_RECEIVE_MS = 10;
const DISCOVERY_INTERVAL_MS = 60_000;
const ACKNOWLEDGED_WITHIN_MS = 300;
const CLOSE_TIMEOUT_MS = 4_000;
/** Longer than the library's own timeout. */
const SUBSCRIBE_TIMEOUT_MS = 20_000;

/**
 * The source on pulsar-client, which consumes, decompresses and decrypts. What concerns topics, schemas and dead letters
 * goes the way of the wire source. The library tells neither schema versions nor changes of the active consumer, so the
 * admin REST API is asked: for versions where a topic has more than one, and for the active consumer with Failover.
 * @throws SourceError ClientMissing when pulsar-client is not installed, AdminUrlMissing for Failover without `admin`
 */
export async function createNativeSource(
  options: NativeSourceOptions,
  load: () => Promise<NativeModule> = loadNativeClient,
): Promise<Source> {
  return openNativeSource(options, await load());
}

/** The source on a pulsar-client that is loaded already. @throws SourceError as {@link createNativeSource} does */
export function openNativeSource(options: NativeSourceOptions, module: NativeModule): Source {
  const { subscription, budget, log, admin = null, clock = systemClock } = options;
  const consumerName = options.consumerName ?? randomUUID();
  const topicNames = [...new Set((options.topics ?? []).map(fullTopicName))];
  const pattern =
    options.topicsPattern === undefined ? null : topicPattern(options.topicsPattern, options.exceptTopics);
  const isActive = activeCheck(options, admin, consumerName);
  const closing = new AbortController();
  const pool = createPool({
    hosts: parseServiceUrl(options.serviceUrl),
    tls: options.tls ?? {},
    authentication: options.authentication ?? null,
    congested: () => false,
    clock,
    log,
    signal: closing.signal,
  });
  const lookup = createLookup(pool);
  const schemas = createSchemas(pool);
  const deadLetters = createDeadLetters(lookup, schemas, clock);
  const versions = createSchemaVersions({ latest: (topic) => latestSchemaVersion(pool, topic), schemas, admin });
  const decryption = options.decryption ? createNativeDecryption(module, options.decryption, clock) : null;
  const topics = new Map<string, NativeTopic>();
  const connection = createNativeConnection(module, options, (topic) => topics.get(topic)?.end(0));
  let discovery: Discovery | null = null;
  let epoch = 0;
  let acknowledgedAt = Number.NEGATIVE_INFINITY;
  let stopped = false;
  let closed: Promise<void> | null = null;

  const releases = createReleases(budget, clock);

  const subscribe = async ({ name: topic, late, create }: FoundPartition): Promise<NativeConsumer> => {
    // The library would create a topic again that was deleted under a pattern.
    if (!create && pattern !== null && !(await lookup.topics(pattern.namespace)).includes(topic)) {
      throw new SourceError("TopicNotFound", `${topic} does not exist any more`);
    }
    const queue = Math.min(options.receiverQueueSize ?? LARGEST_QUEUE, LARGEST_QUEUE);
    options.decryption?.keys.check();
    const client = await connection.client();
    const subscribed = client.subscribe({
      topic,
      subscription: subscription.name,
      subscriptionType: subscription.type,
      subscriptionInitialPosition: late ? "Earliest" : subscription.initialPosition,
      receiverQueueSize: queue,
      consumerName,
      ...(decryption === null ? {} : { cryptoKeyReader: decryption.keyReader }),
      cryptoFailureAction: "CONSUME",
      batchReceivePolicy: { maxNumMessages: queue, maxNumBytes: BATCH_RECEIVE_BYTES, timeoutMs: BATCH_RECEIVE_MS },
    });
    return await inTime(subscribed, clock, `subscribing to ${topic}`);
  };

  const start = (handler: SourceHandler): void => {
    if (discovery !== null) throw new Error("the source was started already");
    const context: NativeContext = {
      module,
      subscribe,
      isActive,
      handler,
      budget,
      async complete(topic, { messages, pieces }, signal) {
        decryption?.explain(messages);
        const entries = pieces.map(({ entry }) => entry);
        await versions.assign(topic, entries, signal);
      },
      watchKeys: decryption !== null && subscription.type === "Shared" ? decryption.watch : null,
      clock,
      log,
      nextEpoch: () => ++epoch,
      stopped: () => stopped,
      released: (ms, signal) => releases.next(ms, signal),
    };
    discovery = startDiscovery({
      topics: topicNames,
      pattern,
      lookup,
      intervalMs: options.discoveryIntervalMs ?? DISCOVERY_INTERVAL_MS,
      clock,
      signal: closing.signal,
      onFound: (found) => void topics.set(found.name, startNativeTopic(found, context)),
      onGone(name) {
        const gone = topics.get(name);
        topics.delete(name);
        void gone?.close();
      },
    });
  };

  const state = (): SourceState => {
    const all = [...topics.values()];
    const subscriptions = all.flatMap((topic) => topic.subscription ?? []);
    const activeTopics = subscriptions.flatMap(({ assignment }) => assignment?.topic ?? []);
    const failure = oldest([discovery?.failure ?? [], ...all.map((topic) => topic.failure ?? [])].flat());
    return {
      connected: discovery?.complete === true && failure === null && subscriptions.length === all.length,
      failure: failure && { code: failure.code, message: failure.message },
      partitions: subscriptions.length,
      activePartitions: activeTopics.length,
      activeTopics,
      // The library does not tell.
      endedPartitions: 0,
    };
  };

  const shutDown = async (): Promise<void> => {
    stopped = true;
    const orderly = async (): Promise<void> => {
      await Promise.allSettled([...[...topics.values()].map((topic) => topic.close()), deadLetters.close()]);
      await connection.close();
    };
    closing.abort(new SourceError("BrokerUnreachable", "the source is being closed"));
    const expired = Promise.withResolvers<void>();
    const timer = clock.timer(CLOSE_TIMEOUT_MS, expired.resolve);
    await Promise.race([orderly(), expired.promise]);
    timer.cancel();
    pool.close();
  };

  return {
    client: "Native",
    schemas,
    start,
    state,
    acknowledge(deliveries) {
      acknowledgedAt = clock.now();
      for (const delivery of deliveries.map(ownDelivery)) {
        if (delivery.assignment.active) delivery.subscription.acknowledge(delivery);
      }
    },
    acknowledgeThrough(delivery) {
      acknowledgedAt = clock.now();
      const own = ownDelivery(delivery);
      if (own.assignment.active) own.subscription.acknowledgeThrough(own);
    },
    shrink(delivery, messages) {
      const shrunk: NativeDelivery = { ...ownDelivery(delivery), messages, retainedBytes: 0 };
      return shrunk;
    },
    rewind(assignment, delayMs) {
      const topic = topics.get(assignment.topic);
      if (topic?.subscription?.assignment === assignment) topic.end(delayMs);
    },
    stop() {
      stopped = true;
    },
    async flush(signal) {
      signal.throwIfAborted();
      const aborted = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
      const taken = [...topics.values()].flatMap((topic) => [...(topic.subscription?.acknowledging ?? [])]);
      // There are no receipts: the library sends acknowledgements every 100 ms, and the broker takes a moment for them.
      const wait = Math.max(0, acknowledgedAt + ACKNOWLEDGED_WITHIN_MS - clock.now());
      await Promise.race([Promise.allSettled([...taken, clock.sleep(wait)]), aborted.promise]);
    },
    publish: (topic, deadLetter) => deadLetters.publish(topic, deadLetter),
    close() {
      closed ??= shutDown();
      return closed;
    },
  };
}

function activeCheck(options: NativeSourceOptions, admin: NativeAdmin | null, consumerName: string) {
  const { name, type } = options.subscription;
  if (type !== "Failover") return null;
  if (admin !== null) return createActiveCheck(admin, name, consumerName);
  throw new SourceError(
    "AdminUrlMissing",
    "keeping order with pulsar-client needs the admin API, since the library does not tell when another worker takes over: set spec.pulsar.adminUrl, or spec.pulsar.client to Wire",
  );
}

function ownDelivery(delivery: Delivery): NativeDelivery {
  if ("subscription" in delivery && delivery.subscription instanceof NativeSubscription)
    return delivery as NativeDelivery;
  throw new TypeError("the delivery is not one of this source");
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
