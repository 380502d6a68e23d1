import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../../runtime/clock.ts";
import { createDeadLetters, type DeadLetters } from "../broker/dead-letter-producer.ts";
import { type Discovery, startDiscovery } from "../broker/discovery.ts";
import { oldest } from "../broker/failures.ts";
import { createLookup, type Lookup } from "../broker/lookup.ts";
import { createPool, type Pool } from "../broker/pool.ts";
import { createSchemas, latestSchemaVersion } from "../broker/schemas.ts";
import { parseServiceUrl } from "../broker/service-url.ts";
import { fullTopicName, type TopicPattern, topicPattern } from "../broker/topic-name.ts";
import type { NativeAdmin, NativeSourceOptions } from "../options.ts";
import {
  type Assignment,
  type DeadLetter,
  type Delivery,
  type Message,
  type SchemaRegistry,
  type Source,
  SourceError,
  type SourceHandler,
  type SourceState,
} from "../source.ts";
import { createActiveCheck, createSchemaVersions, type SchemaVersions } from "./admin.ts";
import { loadNativeClient, type NativeModule } from "./client.ts";
import { createNativeConnection, type NativeConnection } from "./connection.ts";
import { createNativeDecryption, type NativeDecryption } from "./decryption.ts";
import { memoryShortage } from "./memory.ts";
import type { Received } from "./message.ts";
import { createReleases } from "./releases.ts";
import { createSubscribe } from "./subscribe.ts";
import { type NativeContext, type NativeDelivery, NativeSubscription } from "./subscription.ts";
import { startNativeTopic } from "./topic.ts";
import { createNativeTopics, type NativeTopics } from "./topics.ts";

const DISCOVERY_INTERVAL_MS = 60_000;
const ACKNOWLEDGED_WITHIN_MS = 300;
const CLOSE_TIMEOUT_MS = 4_000;

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
  return new NativeSource(options, module);
}

class NativeSource implements Source {
  readonly client = "Native";
  readonly schemas: SchemaRegistry;
  readonly #options: NativeSourceOptions;
  readonly #module: NativeModule;
  readonly #clock: Clock;
  readonly #consumerName: string;
  readonly #topicNames: readonly string[];
  /** Null for topics that are named. */
  readonly #pattern: TopicPattern | null;
  readonly #isActive: NativeContext["isActive"];
  readonly #closing = new AbortController();
  readonly #pool: Pool;
  readonly #lookup: Lookup;
  readonly #deadLetters: DeadLetters;
  readonly #versions: SchemaVersions;
  readonly #decryption: NativeDecryption | null;
  readonly #connection: NativeConnection;
  /** Null before the start. */
  #topics: NativeTopics | null = null;
  #discovery: Discovery | null = null;
  #epoch = 0;
  #acknowledgedAt = Number.NEGATIVE_INFINITY;
  #stopped = false;
  #closed: Promise<void> | null = null;

  constructor(options: NativeSourceOptions, module: NativeModule) {
    const { admin = null, clock = systemClock, consumerName = randomUUID() } = options;
    this.#options = options;
    this.#module = module;
    this.#clock = clock;
    this.#consumerName = consumerName;
    this.#topicNames = [...new Set((options.topics ?? []).map(fullTopicName))];
    this.#pattern =
      options.topicsPattern === undefined ? null : topicPattern(options.topicsPattern, options.exceptTopics);
    this.#isActive = activeCheck(options, admin, consumerName);
    const pool = createPool({
      hosts: parseServiceUrl(options.serviceUrl),
      tls: options.tls ?? {},
      authentication: options.authentication ?? null,
      clock,
      log: options.log,
      signal: this.#closing.signal,
    });
    this.#pool = pool;
    this.#lookup = createLookup(pool, null, options.listenerName);
    this.schemas = createSchemas(pool, { clock, log: options.log, signal: this.#closing.signal });
    this.#deadLetters = createDeadLetters(this.#lookup, this.schemas, clock);
    const latest = (topic: string) => latestSchemaVersion(pool, topic);
    this.#versions = createSchemaVersions({ latest, schemas: this.schemas, admin });
    this.#decryption = options.decryption ? createNativeDecryption(module, options.decryption, clock) : null;
    this.#connection = createNativeConnection(module, options, (topic) => this.#topics?.get(topic)?.end(0));
  }

  start(handler: SourceHandler): void {
    if (this.#discovery !== null) throw new Error("the source was started already");
    const { subscription, memoryLimitBytes = null, log } = this.#options;
    const context = this.#context(handler);
    const topics = createNativeTopics({
      start: (found) => startNativeTopic(found, context),
      // Only the one active consumer is sent more than its queue holds.
      shortage: (count) => (subscription.type === "Shared" ? null : memoryShortage(memoryLimitBytes, count)),
      clock: this.#clock,
      log,
    });
    this.#topics = topics;
    this.#discovery = startDiscovery({
      topics: this.#topicNames,
      pattern: this.#pattern,
      foundBefore: this.#options.subscription.existed,
      lookup: this.#lookup,
      intervalMs: this.#options.discoveryIntervalMs ?? DISCOVERY_INTERVAL_MS,
      clock: this.#clock,
      signal: this.#closing.signal,
      onFound: (found) => topics.add(found),
      onGone: (name) => topics.remove(name),
    });
  }

  state(): SourceState {
    const all = this.#topics?.all ?? [];
    const subscriptions = all.flatMap((topic) => topic.subscription ?? []);
    const activeTopics = subscriptions.flatMap(({ assignment }) => assignment?.topic ?? []);
    const failures = [this.#discovery, this.#topics, ...all].flatMap((part) => part?.failure ?? []);
    const failure = oldest(failures);
    return {
      connected: this.#discovery?.complete === true && failure === null && subscriptions.length === all.length,
      failure: failure && { code: failure.code, message: failure.message },
      partitions: subscriptions.length,
      activePartitions: activeTopics.length,
      activeTopics,
      // The library does not tell.
      endedPartitions: 0,
    };
  }

  acknowledge(deliveries: readonly Delivery[]): void {
    this.#acknowledgedAt = this.#clock.now();
    for (const delivery of deliveries.map(ownDelivery)) {
      if (delivery.assignment.active) delivery.subscription.acknowledge(delivery);
    }
  }

  acknowledgeThrough(delivery: Delivery): void {
    this.#acknowledgedAt = this.#clock.now();
    const own = ownDelivery(delivery);
    if (own.assignment.active) own.subscription.acknowledgeThrough(own);
  }

  shrink(delivery: Delivery, messages: readonly Message[]): Delivery {
    const shrunk: NativeDelivery = { ...ownDelivery(delivery), messages, retainedBytes: 0 };
    return shrunk;
  }

  rewind(assignment: Assignment, delayMs: number): void {
    const topic = this.#topics?.get(assignment.topic);
    if (topic?.subscription?.assignment === assignment) topic.end(delayMs);
  }

  stop(): void {
    this.#stopped = true;
  }

  async flush(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
    const taken = (this.#topics?.all ?? []).flatMap((topic) => [...(topic.subscription?.acknowledging ?? [])]);
    // There are no receipts: the library sends acknowledgements every 100 ms, and the broker takes a moment for them.
    const wait = Math.max(0, this.#acknowledgedAt + ACKNOWLEDGED_WITHIN_MS - this.#clock.now());
    await Promise.race([Promise.allSettled([...taken, this.#clock.sleep(wait)]), aborted.promise]);
  }

  publish(topic: string, deadLetter: DeadLetter): Promise<void> {
    return this.#deadLetters.publish(topic, deadLetter);
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  /** What all topic-partitions share. */
  #context(handler: SourceHandler): NativeContext {
    const { subscription, budget, receiverQueueSize, log } = this.#options;
    const clock = this.#clock;
    const decryption = this.#decryption;
    const releases = createReleases(budget, clock);
    const subscribe = createSubscribe({
      connection: this.#connection,
      lookup: this.#lookup,
      pattern: this.#pattern,
      subscription,
      consumerName: this.#consumerName,
      receiverQueueSize,
      decryption,
      clock,
    });
    return {
      module: this.#module,
      subscribe,
      isActive: this.#isActive,
      handler,
      budget,
      complete: (topic, received, signal) => this.#complete(topic, received, signal),
      watchKeys: decryption !== null && subscription.type === "Shared" ? decryption.watch : null,
      clock,
      log,
      nextEpoch: () => ++this.#epoch,
      stopped: () => this.#stopped,
      released: (ms, signal) => releases.next(ms, signal),
    };
  }

  async #complete(topic: string, { messages, pieces }: Received, signal: AbortSignal): Promise<void> {
    this.#decryption?.explain(messages);
    const entries = pieces.map(({ entry }) => entry);
    await this.#versions.assign(topic, entries, signal);
  }

  async #shutDown(): Promise<void> {
    this.#stopped = true;
    const orderly = async (): Promise<void> => {
      await Promise.allSettled([this.#topics?.close(), this.#deadLetters.close()]);
      await this.#connection.close();
    };
    this.#closing.abort(new SourceError("BrokerUnreachable", "the source is being closed"));
    const expired = Promise.withResolvers<void>();
    const timer = this.#clock.timer(CLOSE_TIMEOUT_MS, expired.resolve);
    await Promise.race([orderly(), expired.promise]);
    timer.cancel();
    this.#pool.close();
  }
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
