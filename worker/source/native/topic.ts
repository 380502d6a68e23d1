import { backoff } from "../../../runtime/backoff.ts";
import type { FoundPartition } from "../broker/discovery.ts";
import type { Failure } from "../broker/failures.ts";
import { isSlow } from "../broker/failures.ts";
import { SourceError } from "../source.ts";
import { nativeError } from "./client.ts";
import { type NativeContext, NativeSubscription } from "./subscription.ts";

const RETRY = { initial: 500, max: 5_000, floor: 100 };
/** Waiting for a person to mend something. */
const SLOW_RETRY_MS = 15_000;

/** Keeps one topic-partition subscribed, whatever happens to the broker. */
export interface NativeTopic {
  readonly topic: string;
  /** Null while there is none. */
  readonly subscription: NativeSubscription | null;
  readonly failure: Failure | null;
  /** Ends the subscription at once and subscribes again after `delayMs`. */
  end(delayMs: number): void;
  close(): Promise<void>;
}

export function startNativeTopic(found: FoundPartition, context: NativeContext): NativeTopic {
  return new SubscribedTopic(found, context);
}

class SubscribedTopic implements NativeTopic {
  readonly topic: string;
  readonly #found: FoundPartition;
  readonly #context: NativeContext;
  readonly #closing = new AbortController();
  readonly #finished: Promise<void>;
  #subscription: NativeSubscription | null = null;
  #failure: Failure | null = null;

  constructor(found: FoundPartition, context: NativeContext) {
    this.topic = found.name;
    this.#found = found;
    this.#context = context;
    this.#finished = this.#run();
  }

  get subscription(): NativeSubscription | null {
    return this.#subscription;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  end(delayMs: number): void {
    this.#subscription?.end(delayMs);
  }

  async close(): Promise<void> {
    this.#closing.abort(new SourceError("BrokerUnreachable", "the source is being closed"));
    this.end(0);
    await this.#finished;
  }

  async #run(): Promise<void> {
    const retry = backoff(RETRY);
    while (!this.#closing.signal.aborted) {
      let delay: number;
      try {
        delay = await this.#subscribeOnce();
        retry.reset();
      } catch (cause) {
        const error = nativeError(`consuming ${this.topic}`, cause);
        this.#fail(error);
        delay = isSlow(error) ? SLOW_RETRY_MS : retry.next();
      }
      await this.#context.clock.sleep(delay, this.#closing.signal).catch(() => undefined);
    }
  }

  /** Lasts as long as the subscription; resolves with the milliseconds to wait before the next one. */
  async #subscribeOnce(): Promise<number> {
    const consumer = await this.#context.subscribe(this.#found);
    const subscription = new NativeSubscription(this.topic, consumer, this.#context, this.#closing.signal);
    this.#subscription = subscription;
    try {
      subscription.start();
      this.#failure = null;
      return await subscription.receive();
    } finally {
      subscription.end(0);
      this.#subscription = null;
      await subscription.closed();
    }
  }

  #fail(error: SourceError): void {
    const { clock, log } = this.#context;
    const known = this.#failure;
    if (known?.code !== error.code)
      log.warn("a topic cannot be consumed", { topic: this.topic, reason: error.message });
    const since = known?.code === error.code ? known.since : clock.now();
    this.#failure = { code: error.code, message: error.message, since };
  }
}
