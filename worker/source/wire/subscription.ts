import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { Connection } from "../broker/connection.ts";
import type { Decryptor } from "../encryption/decryptor.ts";
import { createKeyWatch } from "../encryption/key-watch.ts";
import type { EntryDecoder } from "../protocol/entry-decoder.ts";
import { flowFrame } from "../protocol/frames.ts";
import { type ReceiveBudget, SourceError, type SourceHandler } from "../source.ts";
import { type Acknowledger, createAcknowledger } from "./acknowledger.ts";
import { type Activation, createActivation } from "./activation.ts";
import type { WaitingChunks } from "./chunk-collector.ts";
import { newPermitAccount, type Permits } from "./permits.ts";
import { closeConsumer, type SubscribePosition, type Subscriber, subscribe } from "./subscribe.ts";

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
  readonly waitingChunks: WaitingChunks;
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
  /** Recent bytes that a permit brought; null when nothing came. */
  readonly bytesPerPermit: number | null;
}

/** How a subscription ended: lost by the network, the broker or what came, or on purpose. */
export type SubscriptionEnd = (
  | { readonly kind: "lost"; readonly reason: SourceError }
  | { readonly kind: "ended"; readonly delayMs: number }
) & { readonly carryOver: CarryOver };

/** One SUBSCRIBE of one topic-partition on one connection, until it is closed or lost. */
export interface Subscription {
  /** Null for a standby. */
  readonly activation: Activation | null;
  readonly endOfTopic: boolean;
  readonly acks: Acknowledger;
  readonly ended: Promise<SubscriptionEnd>;
  /** Ends the activation at once, then closes the consumer at the broker; `ended` resolves when that is done. */
  end(delayMs: number): void;
}

/**
 * Subscribes and resolves when the broker confirmed it. Calls of the handler start then.
 * @throws SourceError
 */
export async function openSubscription(
  topic: string,
  connection: Connection,
  position: SubscribePosition,
  before: CarryOver,
  context: SubscriptionContext,
): Promise<Subscription> {
  const { handler, permits, budget, clock, log } = context;
  const failover = context.type === "Failover";
  const consumerId = connection.nextId();
  const ended = Promise.withResolvers<SubscriptionEnd>();
  const account = newPermitAccount(
    (count) => connection.write(flowFrame(consumerId, count)),
    context.type !== "Shared",
    before.bytesPerPermit,
  );
  let state: "subscribing" | "subscribed" | "over" = "subscribing";
  // Only Failover consumers are told; the broker may do so before it confirms the subscription.
  let activeAtBroker = !failover;
  let endOfTopic = false;
  let activation: Activation | null = null;

  const acks = createAcknowledger({
    connection,
    consumerId,
    clock,
    onFailed(error) {
      log.warn("an acknowledgement failed, so that the topic is subscribed again", { topic, error });
      giveUp(error);
    },
  });

  const onKeyFound = (): void => {
    log.info("a key of messages that could not be decrypted has come; they are read again", { topic });
    end(0);
  };

  const activate = (): void => {
    if (activation !== null || state !== "subscribed") return;
    activation = createActivation({
      ...context,
      topic,
      epoch: context.nextEpoch(),
      ordered: context.type !== "Shared",
      heardAt: () => connection.heardAt,
      acks,
      asking: () => permits.mayReceive(account),
      keyWatch: context.decryptor === null ? null : createKeyWatch(context.decryptor, clock, onKeyFound),
      deliver: (delivery) => handler.deliver(delivery),
    });
    handler.assigned(activation.assignment);
    permits.open(account);
  };

  const deactivate = (): void => {
    permits.close(account);
    const last = activation;
    if (last === null) return;
    activation = null;
    last.end();
    handler.revoked(last.assignment);
  };

  const finish = (): CarryOver => {
    state = "over";
    const undurable = acks.end();
    deactivate();
    return { undurable, bytesPerPermit: account.bytesPerPermit };
  };

  const lose = (reason: SourceError): void => {
    if (state === "over") return;
    ended.resolve({ kind: "lost", reason, carryOver: finish() });
  };

  const leave = (how: { kind: "lost"; reason: SourceError } | { kind: "ended"; delayMs: number }): void => {
    if (state === "over") return;
    // What was acknowledged before is sent ahead of the end, or it would come again.
    void acks.settle();
    const carryOver = finish();
    const closed = closeConsumer(topic, connection, consumerId, clock);
    void closed.then(() => ended.resolve({ ...how, carryOver }));
  };

  const end = (delayMs: number): void => leave({ kind: "ended", delayMs });

  const giveUp = (reason: SourceError): void => leave({ kind: "lost", reason });

  connection.addConsumer(consumerId, {
    onMessage(command, bytes, start, stop, owned) {
      if (state !== "subscribed" || context.stopped()) return;
      if (activation === null) {
        account.outstanding -= context.decoder.permits(bytes, start, stop);
        return;
      }
      if (permits.overdrawn) {
        const reason = "messages came that are larger than expected, and more than memory may hold; they come again";
        giveUp(new SourceError("BrokerNotReady", reason));
        return;
      }
      const { free } = budget;
      try {
        const { permits: counted, retainedBytes } = activation.receive(command, bytes, start, stop, owned);
        permits.received(account, counted, Math.max(retainedBytes, free - budget.free));
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        log.warn("messages cannot be read now, so that the topic is subscribed again", { topic, error });
        end(0);
      }
    },
    onActiveChange(active) {
      activeAtBroker = active || !failover;
      if (activeAtBroker) activate();
      else deactivate();
    },
    onEndOfTopic() {
      endOfTopic = true;
    },
    onClosed: lose,
    onTurnEnd: () => permits.topUp(account),
  });
  // A broker that closes the consumer leaves the request unanswered.
  await Promise.race([subscribe(topic, connection, consumerId, position, context), ended.promise]);
  const over = (state as string) === "over" ? await ended.promise : null;
  if (over?.kind === "lost") throw over.reason;
  state = "subscribed";
  acks.again(before.undurable);
  if (activeAtBroker) activate();
  return {
    get activation() {
      return activation;
    },
    get endOfTopic() {
      return endOfTopic;
    },
    acks,
    ended: ended.promise,
    end,
  };
}
