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
  return new ResubscribingConsumer(topic, position, lookup, context);
}

class ResubscribingConsumer implements PartitionConsumer {
  readonly topic: string;
  readonly #position: SubscribePosition;
  readonly #lookup: Lookup;
  readonly #context: SubscriptionContext;
  readonly #closing = new AbortController();
  readonly #finished: Promise<void>;
  #subscription: Subscription | null = null;
  #failure: Failure | null = null;
  #carryOver: CarryOver = { undurable: [], sizes: { bytesPerPermit: null, bytesPerEntry: null } };

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
    const connection = await this.#lookup.broker(topic, "consuming");
    this.#closing.signal.throwIfAborted();
    const opened = await openSubscription(topic, connection, this.#position, this.#carryOver, this.#context);
    if (this.#closing.signal.aborted) opened.end(0);
    else {
      this.#subscription = opened;
      this.#failure = null;
      log.info("subscribed", { topic });
    }
    const end = await opened.ended;
    this.#subscription = null;
    this.#carryOver = end.carryOver;
    if (end.kind === "ended") return end.delayMs;
    log.info("the subscription was lost", { topic, reason: end.reason.message });
    // What else it was lost by shows in the next attempt, if it lasts; this one would succeed.
    if (end.reason.code === "MemoryExhausted") this.#fail(end.reason);
    return null;
  }

  #fail({ code, message }: SourceError): void {
    const { clock, log } = this.#context;
    const again = this.#failure?.code === code ? this.#failure : null;
    if (again === null) log.warn("a topic cannot be consumed", { topic: this.topic, code, reason: message });
    this.#failure = { code, message, since: again?.since ?? clock.now() };
  }
}
