import { systemClock } from "../../../runtime/clock.ts";
import { createDeadLetters } from "../broker/dead-letter-producer.ts";
import { type Discovery, type FoundPartition, startDiscovery } from "../broker/discovery.ts";
import { oldest } from "../broker/failures.ts";
import { createLookup } from "../broker/lookup.ts";
import { createPool } from "../broker/pool.ts";
import { createSchemas } from "../broker/schemas.ts";
import { parseServiceUrl } from "../broker/service-url.ts";
import { fullTopicName, topicPattern } from "../broker/topic-name.ts";
import { createDecryptor } from "../encryption/decryptor.ts";
import type { WireSourceOptions } from "../options.ts";
import { createEntryDecoder } from "../protocol/entry-decoder.ts";
import { entryMemory } from "../protocol/entry-memory.ts";
import { type Delivery, type Source, SourceError, type SourceHandler, type SourceState } from "../source.ts";
import { WireDelivery } from "./delivery.ts";
import { createPartitionConsumer, type PartitionConsumer } from "./partition-consumer.ts";
import { createPermits } from "./permits.ts";
import type { SubscriptionContext } from "./subscription.ts";

const DEFAULT_QUEUE_SIZE = 5_000;
/** The official clients look for new partitions as often. */
const DISCOVERY_INTERVAL_MS = 60_000;
const MAX_UNCOMPRESSED_BYTES = 32 * 1024 * 1024;
const CLOSE_TIMEOUT_MS = 4_000;

/** A source that speaks Pulsar's binary protocol itself. @throws SourceError when the options are not sound */
export function createWireSource(options: WireSourceOptions): Source {
  const { subscription, budget, log, clock = systemClock } = options;
  const maxUncompressedBytes = options.maxUncompressedBytes ?? MAX_UNCOMPRESSED_BYTES;
  const hosts = parseServiceUrl(options.serviceUrl);
  const topics = [...new Set((options.topics ?? []).map(fullTopicName))];
  const pattern =
    options.topicsPattern === undefined ? null : topicPattern(options.topicsPattern, options.exceptTopics);
  const closing = new AbortController();
  const waitingChunks = { bytes: 0 };
  // Not where order counts: behind what is not read there may be the news that another worker writes now.
  const mayPause = subscription.type === "Shared";
  const congested = (): boolean => mayPause && budget.free + waitingChunks.bytes < 0 && !closing.signal.aborted;
  const memory = entryMemory();
  const pool = createPool({
    hosts,
    tls: options.tls ?? {},
    authentication: options.authentication ?? null,
    congested,
    memory,
    clock,
    log,
    signal: closing.signal,
  });
  const lookup = createLookup(pool);
  const schemas = createSchemas(pool);
  const deadLetters = createDeadLetters(lookup, schemas, clock);
  const permits = createPermits(budget, options.receiverQueueSize ?? DEFAULT_QUEUE_SIZE, waitingChunks, clock);
  const decryptor = options.decryption ? createDecryptor(options.decryption, clock) : null;
  const consumers = new Map<string, PartitionConsumer>();
  let discovery: Discovery | null = null;
  let epoch = 0;
  let stopped = false;
  let closed: Promise<void> | null = null;

  const add = (found: FoundPartition, context: SubscriptionContext): void => {
    const position = { earliest: found.late || subscription.initialPosition === "Earliest", create: found.create };
    consumers.set(found.name, createPartitionConsumer(found.name, position, lookup, context));
  };

  const remove = (name: string): void => {
    const gone = consumers.get(name);
    consumers.delete(name);
    void gone?.close();
  };

  const start = (handler: SourceHandler): void => {
    if (discovery !== null) throw new Error("the source was started already");
    const context: SubscriptionContext = {
      subscription: subscription.name,
      type: subscription.type,
      consumerName: options.consumerName,
      handler,
      budget,
      permits,
      decoder: createEntryDecoder({ maxUncompressedBytes, decryptor, memory }),
      decryptor,
      checkKeys: () => options.decryption?.keys.check(),
      maxUncompressedBytes,
      waitingChunks,
      clock,
      log,
      nextEpoch: () => ++epoch,
      stopped: () => stopped,
    };
    discovery = startDiscovery({
      topics,
      pattern,
      lookup,
      intervalMs: options.discoveryIntervalMs ?? DISCOVERY_INTERVAL_MS,
      clock,
      signal: closing.signal,
      onFound: (found) => add(found, context),
      onGone: remove,
    });
  };

  const state = (): SourceState => {
    const all = [...consumers.values()];
    const subscribed = all.flatMap((consumer) => consumer.subscription ?? []);
    const activeTopics = subscribed.flatMap(({ activation }) => activation?.assignment.topic ?? []);
    const failures = [discovery?.failure ?? [], ...all.map((consumer) => consumer.failure ?? [])].flat();
    const failure = oldest(failures);
    return {
      connected: discovery?.complete === true && failure === null && subscribed.length === all.length,
      failure: failure && { code: failure.code, message: failure.message },
      partitions: subscribed.length,
      activePartitions: activeTopics.length,
      activeTopics,
      endedPartitions: subscribed.filter(({ endOfTopic }) => endOfTopic).length,
    };
  };

  const shutDown = async (): Promise<void> => {
    stopped = true;
    permits.stop();
    const expired = Promise.withResolvers<void>();
    const timer = clock.timer(CLOSE_TIMEOUT_MS, expired.resolve);
    const orderly = Promise.allSettled([
      ...[...consumers.values()].map((consumer) => consumer.close()),
      deadLetters.close(),
    ]);
    closing.abort(new SourceError("BrokerUnreachable", "the source is being closed"));
    await Promise.race([orderly, expired.promise]);
    timer.cancel();
    pool.close();
  };

  return {
    client: "Wire",
    schemas,
    start,
    state,
    acknowledge(deliveries) {
      for (const delivery of deliveries) {
        const own = ownDelivery(delivery);
        if (own.assignment.active) own.owner.acknowledge(own);
      }
    },
    acknowledgeThrough(delivery) {
      const own = ownDelivery(delivery);
      if (own.assignment.active) own.owner.acknowledgeThrough(own);
    },
    shrink: (delivery, messages) => ownDelivery(delivery).shrink(messages),
    rewind(assignment, delayMs) {
      const current = consumers.get(assignment.topic)?.subscription;
      if (assignment.active && current?.activation?.assignment === assignment) current.end(delayMs);
    },
    stop() {
      stopped = true;
      permits.stop();
    },
    async flush(signal) {
      const settled = Promise.all([...consumers.values()].map((consumer) => consumer.subscription?.acks.settle()));
      await Promise.race([settled, aborted(signal)]);
    },
    publish: (topic, deadLetter) => deadLetters.publish(topic, deadLetter),
    close() {
      closed ??= shutDown();
      return closed;
    },
  };
}

function ownDelivery(delivery: Delivery): WireDelivery {
  if (delivery instanceof WireDelivery) return delivery;
  throw new TypeError("the delivery is not one of this source");
}

/** Rejects when the signal aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
