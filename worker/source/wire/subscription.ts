import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import { isMemoryShortage } from "../../../runtime/memory-shortage.ts";
import type { Connection } from "../broker/connection.ts";
import type { ConnectionConsumer } from "../broker/dispatcher.ts";
import type { Migrations } from "../broker/migrations.ts";
import type { Decryptor } from "../encryption/decryptor.ts";
import { createKeyWatch } from "../encryption/key-watch.ts";
import { memoryExhausted } from "../protocol/decoded-entry.ts";
import type { EntryDecoder } from "../protocol/entry-decoder.ts";
import { flowFrame } from "../protocol/frames.ts";
import type { MessageCommand } from "../protocol/message-command.ts";
import { type ReceiveBudget, SourceError, type SourceHandler } from "../source.ts";
import { type Acknowledger, createAcknowledger } from "./acknowledger.ts";
import { type Activation, createActivation } from "./activation.ts";
import type { Incomplete } from "./incomplete.ts";
import { isFull, newPermitAccount, type PermitAccount, type RecentSizes } from "./permit-account.ts";
import type { Permits } from "./permits.ts";
import { closeConsumer, type SubscribePosition, type Subscriber, subscribe } from "./subscribe.ts";

/** Of one FLOW: brokers count in 32 bits. */
const MOST_PERMITS = 2 ** 30;

/** What all subscriptions of one source share. */
export interface SubscriptionContext extends Subscriber {
  readonly handler: SourceHandler;
  readonly budget: ReceiveBudget;
  readonly permits: Permits;
  readonly decoder: EntryDecoder;
  /** Null: what is encrypted is passed on so. */
  readonly decryptor: Decryptor | null;
  /** @throws an error with code SecretMissing when nothing could be decrypted for want of keys */
  checkKeys(): void;
  readonly maxUncompressedBytes: number;
  readonly incomplete: Incomplete;
  readonly migrations: Migrations;
  readonly clock: Clock;
  readonly log: Logger;
  nextEpoch(): number;
  /** True when nothing more is to be handed on. */
  stopped(): boolean;
}

/** What a subscription leaves to the next one of its topic-partition. */
export interface CarryOver {
  /** Acknowledged before anything is asked for. */
  readonly undurable: readonly number[];
  readonly sizes: RecentSizes;
}

/** How a subscription ended: lost by the network, the broker or what came, or on purpose. */
type EndCause =
  | { readonly kind: "lost"; readonly reason: SourceError }
  | { readonly kind: "ended"; readonly delayMs: number };

export type SubscriptionEnd = EndCause & { readonly carryOver: CarryOver };

/** One SUBSCRIBE of one topic-partition on one connection, until it is closed or lost. */
export interface Subscription {
  /** Null for a standby. */
  readonly activation: Activation | null;
  readonly endOfTopic: boolean;
  /** So much of it is not acknowledged that no more is asked for. */
  readonly isFull: boolean;
  readonly acks: Acknowledger;
  readonly ended: Promise<SubscriptionEnd>;
  /** Ends the activation at once, then closes the consumer at the broker; `ended` resolves when that is done. */
  end(delayMs: number): void;
}

/**
 * Subscribes and resolves when the broker confirmed it. Calls of the handler start then.
 * @param before what the last subscription of the topic-partition left
 * @throws SourceError
 */
export async function openSubscription(
  topic: string,
  connection: Connection,
  position: SubscribePosition,
  before: CarryOver,
  context: SubscriptionContext,
): Promise<Subscription> {
  const subscription = new TopicSubscription(topic, connection, before, context);
  await subscription.open(position);
  return subscription;
}

class TopicSubscription implements Subscription, ConnectionConsumer {
  readonly acks: Acknowledger;
  readonly ended: Promise<SubscriptionEnd>;
  readonly #topic: string;
  readonly #connection: Connection;
  readonly #consumerId: number;
  readonly #context: SubscriptionContext;
  readonly #before: CarryOver;
  readonly #account: PermitAccount;
  readonly #ended = Promise.withResolvers<SubscriptionEnd>();
  #state: "subscribing" | "subscribed" | "over" = "subscribing";
  /** Only Failover consumers are told; the broker may do so before it confirms the subscription. */
  #activeAtBroker: boolean;
  #endOfTopic = false;
  #activation: Activation | null = null;

  constructor(topic: string, connection: Connection, before: CarryOver, context: SubscriptionContext) {
    const consumerId = connection.nextId();
    this.#topic = topic;
    this.#connection = connection;
    this.#consumerId = consumerId;
    this.#context = context;
    this.#before = before;
    this.#activeAtBroker = context.type !== "Failover";
    this.#account = newPermitAccount(
      (count) => {
        for (let left = count; left > 0; left -= MOST_PERMITS) {
          connection.write(flowFrame(consumerId, Math.min(left, MOST_PERMITS)));
        }
      },
      context.type !== "Shared",
      before.sizes,
      // What no lease depends on may come late.
      context.type === "Shared" ? undefined : () => connection.receivable,
    );
    this.ended = this.#ended.promise;
    this.acks = createAcknowledger({
      connection,
      consumerId,
      clock: context.clock,
      onEntry: (messages) => context.permits.acknowledged(this.#account, messages),
      onFailed: (error) => this.#onAcknowledgeFailed(error),
    });
  }

  get activation(): Activation | null {
    return this.#activation;
  }

  get endOfTopic(): boolean {
    return this.#endOfTopic;
  }

  get isFull(): boolean {
    return isFull(this.#account);
  }

  /** Called once, first. @throws SourceError */
  async open(position: SubscribePosition): Promise<void> {
    this.#connection.addConsumer(this.#consumerId, this);
    const subscribed = subscribe(this.#topic, this.#connection, this.#consumerId, position, this.#context);
    // A broker that closes the consumer leaves the request unanswered.
    await Promise.race([subscribed, this.ended]);
    const end = this.#state === "over" ? await this.ended : null;
    if (end?.kind === "lost") throw end.reason;
    this.#state = "subscribed";
    this.acks.again(this.#before.undurable);
    if (this.#activeAtBroker) this.#activate();
  }

  end(delayMs: number): void {
    this.#leave({ kind: "ended", delayMs });
  }

  onMessage(command: MessageCommand, bytes: Buffer, start: number, stop: number, owned: boolean): void {
    const { permits, budget, decoder } = this.#context;
    if (this.#state !== "subscribed" || this.#context.stopped()) return;
    if (this.#activation === null) {
      this.#account.outstanding -= decoder.permits(bytes, start, stop);
      return;
    }
    if (permits.overdrawn) {
      this.#onOverdrawn();
      return;
    }
    const { free } = budget;
    try {
      const decoded = this.#activation.receive(command, bytes, start, stop, owned);
      if (decoded === null) return;
      permits.received(this.#account, decoded.permits, Math.max(decoded.retainedBytes, free - budget.free));
    } catch (error) {
      this.#onUnreadable(error);
    }
  }

  onActiveChange(active: boolean): void {
    this.#activeAtBroker = active || this.#context.type !== "Failover";
    if (this.#activeAtBroker) this.#activate();
    else this.#deactivate();
  }

  onEndOfTopic(): void {
    this.#endOfTopic = true;
  }

  onClosed(reason: SourceError): void {
    if (this.#state === "over") return;
    this.#ended.resolve({ kind: "lost", reason, carryOver: this.#finish() });
  }

  onTurnEnd(): void {
    this.#context.permits.topUp(this.#account);
  }

  #activate(): void {
    if (this.#activation !== null || this.#state !== "subscribed") return;
    const { decryptor, clock, budget, permits, handler } = this.#context;
    this.#activation = createActivation({
      ...this.#context,
      topic: this.#topic,
      epoch: this.#context.nextEpoch(),
      cluster: this.#context.migrations.of(this.#topic)?.url,
      ordered: this.#context.type !== "Shared",
      answeredAt: () => this.#connection.answeredAt,
      acks: this.acks,
      room: permits,
      asking: () => permits.mayReceive(this.#account),
      onLate: (counted, bytes) => {
        permits.received(this.#account, counted, bytes);
        permits.topUp(this.#account);
      },
      onUnreadable: (error) => this.#onUnreadable(error),
      keyWatch: decryptor === null ? null : createKeyWatch(decryptor, clock, () => this.#onKeyFound()),
      deliver: (delivery) => handler.deliver(delivery),
    });
    handler.assigned(this.#activation.assignment);
    permits.open(this.#account, budget.shareOf(this.#activation.assignment));
  }

  #deactivate(): void {
    this.#context.permits.close(this.#account);
    const last = this.#activation;
    if (last === null) return;
    this.#activation = null;
    last.end();
    this.#context.handler.revoked(last.assignment);
  }

  #leave(cause: EndCause): void {
    if (this.#state === "over") return;
    // What was acknowledged before is sent ahead of the end, or it would come again.
    void this.acks.settle();
    const carryOver = this.#finish();
    const closed = closeConsumer(this.#topic, this.#connection, this.#consumerId, this.#context.clock);
    void closed.then(() => this.#ended.resolve({ ...cause, carryOver }));
  }

  #finish(): CarryOver {
    this.#state = "over";
    const undurable = this.acks.end();
    this.#deactivate();
    const { bytesPerPermit, bytesPerEntry } = this.#account;
    return { undurable, sizes: { bytesPerPermit, bytesPerEntry } };
  }

  #onOverdrawn(): void {
    const came = `messages of ${this.#topic} came that are larger than expected, and more than memory may hold`;
    const remedy = "they come again; raise the memory limit in spec.pod.resources, or produce smaller batches";
    this.#leave({ kind: "lost", reason: new SourceError("MemoryExhausted", `${came}: ${remedy}`) });
  }

  #onUnreadable(cause: unknown): void {
    const error = isMemoryShortage(cause) ? memoryExhausted(cause) : cause;
    if (!(error instanceof SourceError)) throw error;
    const topic = this.#topic;
    if (error.code === "MemoryExhausted") {
      this.#leave({ kind: "lost", reason: error });
      return;
    }
    this.#context.log.warn("messages cannot be read now, so that the topic is subscribed again", { topic, error });
    this.end(0);
  }

  #onAcknowledgeFailed(error: SourceError): void {
    const topic = this.#topic;
    this.#context.log.warn("an acknowledgement failed, so that the topic is subscribed again", { topic, error });
    this.#leave({ kind: "lost", reason: error });
  }

  #onKeyFound(): void {
    const topic = this.#topic;
    this.#context.log.info("a key of messages that could not be decrypted has come; they are read again", { topic });
    this.end(0);
  }
}
