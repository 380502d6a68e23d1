import { type Clock, systemClock } from "../../../runtime/clock.ts";
import { createDeadLetters, type DeadLetters } from "../broker/dead-letter-producer.ts";
import { type Discovery, type FoundPartition, startDiscovery } from "../broker/discovery.ts";
import { oldest } from "../broker/failures.ts";
import { createLookup, type Lookup } from "../broker/lookup.ts";
import { createMigrations, type Migrations } from "../broker/migrations.ts";
import { createPool, type Pool } from "../broker/pool.ts";
import { createSchemas } from "../broker/schemas.ts";
import { type BrokerAddress, parseServiceUrl } from "../broker/service-url.ts";
import { fullTopicName, type TopicPattern, topicPattern } from "../broker/topic-name.ts";
import { createDecryptor } from "../encryption/decryptor.ts";
import type { WireSourceOptions } from "../options.ts";
import { createEntryDecoder } from "../protocol/entry-decoder.ts";
import { entryMemory } from "../protocol/entry-memory.ts";
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
import { WireDelivery } from "./delivery.ts";
import { type Incomplete, mayReadLarge, nothingIncomplete } from "./incomplete.ts";
import { createPartitionConsumer, type PartitionConsumer } from "./partition-consumer.ts";
import { createPermits, type Permits } from "./permits.ts";
import type { SubscriptionContext } from "./subscription.ts";

const DEFAULT_QUEUE_SIZE = 5_000;
/** The official clients look for new partitions as often. */
const DISCOVERY_INTERVAL_MS = 60_000;
const MAX_UNCOMPRESSED_BYTES = 32 * 1024 * 1024;
const CLOSE_TIMEOUT_MS = 4_000;

/** A source that speaks Pulsar's binary protocol itself. @throws SourceError when the options are not sound */
export function createWireSource(options: WireSourceOptions): Source {
  return new WireSource(options);
}

class WireSource implements Source {
  readonly client = "Wire";
  readonly schemas: SchemaRegistry;
  readonly #options: WireSourceOptions;
  readonly #clock: Clock;
  /** Full names, each once. */
  readonly #topics: readonly string[];
  readonly #pattern: TopicPattern | null;
  readonly #incomplete: Incomplete = nothingIncomplete();
  readonly #memory = entryMemory();
  readonly #pool: Pool;
  readonly #migrations: Migrations;
  readonly #lookup: Lookup;
  readonly #deadLetters: DeadLetters;
  readonly #permits: Permits;
  /** By topic-partition. */
  readonly #consumers = new Map<string, PartitionConsumer>();
  readonly #closing = new AbortController();
  /** Null before the start. */
  #discovery: Discovery | null = null;
  #epoch = 0;
  #stopped = false;
  /** Null before `close`. */
  #closed: Promise<void> | null = null;

  constructor(options: WireSourceOptions) {
    const { clock = systemClock, budget, topicsPattern, receiverQueueSize = DEFAULT_QUEUE_SIZE } = options;
    this.#options = options;
    this.#clock = clock;
    const hosts = parseServiceUrl(options.serviceUrl);
    this.#topics = [...new Set((options.topics ?? []).map(fullTopicName))];
    this.#pattern = topicsPattern === undefined ? null : topicPattern(topicsPattern, options.exceptTopics);
    this.#pool = createPool({
      hosts,
      tls: options.tls ?? {},
      authentication: options.authentication ?? null,
      memory: this.#memory,
      clock,
      log: options.log,
      signal: this.#closing.signal,
    });
    this.#migrations = migrationsOf(options, hosts, this.#pool);
    this.#lookup = createLookup(this.#pool, this.#migrations, options.listenerName);
    this.schemas = createSchemas(
      this.#pool,
      { clock, log: options.log, signal: this.#closing.signal },
      this.#migrations,
    );
    this.#deadLetters = createDeadLetters(this.#lookup, this.schemas, clock, this.#migrations);
    this.#permits = createPermits(budget, receiverQueueSize, this.#incomplete, clock);
  }

  start(handler: SourceHandler): void {
    if (this.#discovery !== null) throw new Error("the source was started already");
    const context = this.#subscriptionContext(handler);
    this.#discovery = startDiscovery({
      topics: this.#topics,
      pattern: this.#pattern,
      foundBefore: this.#options.subscription.existed,
      lookup: this.#lookup,
      intervalMs: this.#options.discoveryIntervalMs ?? DISCOVERY_INTERVAL_MS,
      clock: this.#clock,
      signal: this.#closing.signal,
      onFound: (found) => this.#add(found, context),
      onGone: (name) => this.#remove(name),
    });
  }

  state(): SourceState {
    return stateOf(this.#discovery, [...this.#consumers.values()], this.#incomplete.givenUp);
  }

  acknowledge(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const own = ownDelivery(delivery);
      if (own.assignment.active) own.owner.acknowledge(own);
    }
  }

  acknowledgeThrough(delivery: Delivery): void {
    const own = ownDelivery(delivery);
    if (own.assignment.active) own.owner.acknowledgeThrough(own);
  }

  shrink(delivery: Delivery, messages: readonly Message[]): Delivery {
    return ownDelivery(delivery).shrink(messages);
  }

  rewind(assignment: Assignment, delayMs: number): void {
    const current = this.#consumers.get(assignment.topic)?.subscription;
    if (assignment.active && current?.activation?.assignment === assignment) current.end(delayMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#permits.stop();
  }

  async flush(signal: AbortSignal): Promise<void> {
    const settled = Promise.all([...this.#consumers.values()].map(({ subscription }) => subscription?.acks.settle()));
    await Promise.race([settled, aborted(signal)]);
  }

  publish(topic: string, deadLetter: DeadLetter): Promise<void> {
    return this.#deadLetters.publish(topic, deadLetter);
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    this.stop();
    const expired = Promise.withResolvers<void>();
    const timer = this.#clock.timer(CLOSE_TIMEOUT_MS, expired.resolve);
    const orderly = Promise.allSettled([
      ...[...this.#consumers.values()].map((consumer) => consumer.close()),
      this.#deadLetters.close(),
    ]);
    this.#closing.abort(new SourceError("BrokerUnreachable", "the source is being closed"));
    await Promise.race([orderly, expired.promise]);
    timer.cancel();
    this.#pool.close();
  }

  #subscriptionContext(handler: SourceHandler): SubscriptionContext {
    const { subscription, consumerName, budget, log, decryption = null } = this.#options;
    const maxUncompressedBytes = this.#options.maxUncompressedBytes ?? MAX_UNCOMPRESSED_BYTES;
    const decryptor = decryption === null ? null : createDecryptor(decryption, this.#clock);
    return {
      subscription: subscription.name,
      type: subscription.type,
      consumerName,
      handler,
      budget,
      permits: this.#permits,
      decoder: createEntryDecoder({
        maxUncompressedBytes,
        decryptor,
        memory: this.#memory,
        largeMayBeRead: () => mayReadLarge(this.#incomplete),
      }),
      decryptor,
      checkKeys: () => decryption?.keys.check(),
      maxUncompressedBytes,
      incomplete: this.#incomplete,
      migrations: this.#migrations,
      clock: this.#clock,
      log,
      nextEpoch: () => ++this.#epoch,
      stopped: () => this.#stopped,
    };
  }

  #add({ name, late, create }: FoundPartition, context: SubscriptionContext): void {
    const position = { earliest: late || this.#options.subscription.initialPosition === "Earliest", create };
    this.#consumers.set(name, createPartitionConsumer(name, position, this.#lookup, context));
  }

  #remove(name: string): void {
    const gone = this.#consumers.get(name);
    this.#consumers.delete(name);
    void gone?.close();
  }
}

function migrationsOf(
  { subscription, authentication, tls = {} }: WireSourceOptions,
  hosts: readonly BrokerAddress[],
  { foreign }: Pool,
): Migrations {
  const encrypted = hosts.every((host) => host.tls);
  const verified = encrypted && tls.allowInsecure !== true && tls.verifyHostname !== false;
  return createMigrations({
    keepsOrder: subscription.type !== "Shared",
    tls: encrypted,
    exposesCredentials: (authentication ?? null) !== null && !verified,
    foreign,
  });
}

function stateOf(
  discovery: Discovery | null,
  consumers: readonly PartitionConsumer[],
  givenUpMessages: number,
): SourceState {
  const subscribed = consumers.flatMap((consumer) => consumer.subscription ?? []);
  const activeTopics = subscribed.flatMap(({ activation }) => activation?.assignment.topic ?? []);
  const failure = oldest([discovery?.failure ?? [], ...consumers.map((consumer) => consumer.failure ?? [])].flat());
  return {
    connected: discovery?.complete === true && failure === null && subscribed.length === consumers.length,
    failure: failure && { code: failure.code, message: failure.message },
    partitions: subscribed.length,
    activePartitions: activeTopics.length,
    activeTopics,
    endedPartitions: subscribed.filter(({ endOfTopic }) => endOfTopic).length,
    givenUpMessages,
    fullTopic: consumers.find(({ subscription }) => subscription?.isFull)?.topic ?? null,
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
