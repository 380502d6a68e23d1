import { backoff } from "../../../runtime/backoff.ts";
import type { Connection } from "../broker/connection.ts";
import { asSourceError, type Failure, isSlow, RedirectedError, type Redirection } from "../broker/failures.ts";
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
  return new ResubscribingConsumer(topic, position, lookup, context);
}

class ResubscribingConsumer implements PartitionConsumer {
  readonly topic: string;
  #position: SubscribePosition;
  readonly #lookup: Lookup;
  readonly #context: SubscriptionContext;
  readonly #closing = new AbortController();
  readonly #finished: Promise<void>;
  #subscription: Subscription | null = null;
  #subscribedAt = 0;
  #failure: Failure | null = null;
  #carryOver: CarryOver = { undurable: [], sizes: { bytesPerPermit: null, bytesPerEntry: null } };
  /** What the broker said with which the subscription ended; null: a lookup tells where to go. */
  #moved: { readonly from: Connection; readonly redirection: Redirection } | null = null;

  constructor(topic: string, position: SubscribePosition, lookup: Lookup, context: SubscriptionContext) {
    this.topic = topic;
    this.#position = position;
    this.#lookup = lookup;
    this.#context = context;
    this.#finished = this.#run();
  }

  get subscription(): Subscription | null {
    return this.#subscription;
  }

  get failure(): Failure | null {
    // A topic that was migrated may be subscribed to once more before the broker says so again.
    const sound = this.#subscription !== null && this.#context.clock.now() - this.#subscribedAt > SOUND_MS;
    if (sound) this.#failure = null;
    return this.#failure;
  }

  async close(): Promise<void> {
    this.#closing.abort(new SourceError("BrokerUnreachable", "the source is being closed"));
    this.#subscription?.end(0);
    await this.#finished;
  }

  async #run(): Promise<void> {
    const { clock } = this.#context;
    const { signal } = this.#closing;
    const quick = backoff(RETRY);
    const slow = backoff(SLOW_RETRY);
    while (!signal.aborted) {
      const started = clock.now();
      let delay: number;
      try {
        const asked = await this.#subscribeOnce();
        if (clock.now() - started > SOUND_MS) quick.reset();
        delay = asked ?? quick.next();
        slow.reset();
      } catch (cause) {
        if (signal.aborted) return;
        const error = asSourceError(cause, `consuming ${this.topic}`);
        this.#fail(error);
        delay = (isSlow(error) ? slow : quick).next();
      }
      await clock.sleep(delay, signal).catch(() => undefined);
    }
  }

  /** Subscribes once and lasts as long as the subscription. Resolves with the delay before the next time; null: back off. */
  async #subscribeOnce(): Promise<number | null> {
    const { topic } = this;
    const { log } = this.#context;
    this.#context.checkKeys();
    const connection = await this.#connect();
    this.#closing.signal.throwIfAborted();
    let opened: Subscription;
    try {
      opened = await openSubscription(topic, connection, this.#position, this.#carryOver, this.#context);
    } catch (error) {
      if (this.#redirected(error, connection)) return null;
      throw error;
    }
    if (this.#closing.signal.aborted) opened.end(0);
    else this.#subscribed(opened);
    const end = await opened.ended;
    this.#subscription = null;
    this.#carryOver = end.carryOver;
    if (end.kind === "ended") return end.delayMs;
    log.info("the subscription was lost", { topic, reason: end.reason.message });
    this.#redirected(end.reason, connection);
    // What else it was lost by shows in the next attempt, if it lasts; this one would succeed.
    if (end.reason.code === "MemoryExhausted") this.#fail(end.reason);
    return null;
  }

  async #connect(): Promise<Connection> {
    const moved = this.#moved;
    this.#moved = null;
    if (moved !== null) {
      try {
        return await this.#lookup.assigned(this.topic, moved.from, moved.redirection, "consuming");
      } catch (error) {
        this.#context.log.debug("the broker that was named is not used", { topic: this.topic, error });
      }
    }
    return await this.#lookup.broker(this.topic, "consuming");
  }

  #subscribed(opened: Subscription): void {
    const { log } = this.#context;
    this.#subscription = opened;
    this.#subscribedAt = this.#context.clock.now();
    if (this.#failure?.code !== "TopicMigrated") this.#failure = null;
    log.info("subscribed", { topic: this.topic });
  }

  /** Whether the broker said where to go on. @throws SourceError TopicMigrated where that is not to be followed */
  #redirected(reason: unknown, from: Connection): boolean {
    if (!(reason instanceof RedirectedError)) return false;
    const { redirection } = reason;
    if (redirection.kind === "moved") this.#moved = { from, redirection };
    else {
      const { migrations, log } = this.#context;
      const { url } = migrations.follow(this.topic, redirection);
      // Its messages have other ids there, and those that are there are new to this subscription.
      this.#carryOver = { ...this.#carryOver, undurable: [] };
      this.#position = { ...this.#position, earliest: true };
      const remedy = "set spec.pulsar.serviceUrl to it once all topics are there";
      log.warn(`a topic was migrated to another cluster, and is consumed there: ${remedy}`, { topic: this.topic, url });
    }
    return true;
  }

  #fail({ code, message }: SourceError): void {
    const { clock, log } = this.#context;
    const again = this.#failure?.code === code ? this.#failure : null;
    if (again === null) log.warn("a topic cannot be consumed", { topic: this.topic, code, reason: message });
    this.#failure = { code, message, since: again?.since ?? clock.now() };
  }
}
