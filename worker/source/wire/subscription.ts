import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import {
  type Assignment,
  type Delivery,
  type ReceiveBudget,
  SourceError,
  type SourceHandler,
  type SubscriptionType,
} from "../source.ts";
import { type Acknowledger, createAcknowledger } from "./acknowledger.ts";
import { type ChunkedMessage, createChunkCollector, type Id } from "./chunks.ts";
import * as c from "./commands.ts";
import { Command, InitialPosition, SubType } from "./commands.ts";
import type { Connection } from "./connection.ts";
import type { WireEntry } from "./entry.ts";
import type { DecodedEntry, EntryDecoder } from "./entry-decoder.ts";
import { commandFrame, flowFrame } from "./frames.ts";
import type { EntryPosition, WireMessage } from "./message.ts";
import type { MessageCommand } from "./message-command.ts";
import { newPermitAccount, type Permits } from "./permits.ts";
import { partitionIndex } from "./topic-name.ts";

/** What all subscriptions of one source share. */
export interface SubscriptionContext {
  readonly subscription: string;
  readonly type: SubscriptionType;
  readonly consumerName: string | undefined;
  readonly handler: SourceHandler;
  readonly budget: ReceiveBudget;
  readonly permits: Permits;
  readonly decoder: EntryDecoder;
  readonly maxUncompressedBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  nextEpoch(): number;
  /** True when nothing more is to be handed on. */
  stopped(): boolean;
}

/** How one subscription ended: lost by the network or the broker, or on purpose. */
export type SubscriptionEnd =
  | { readonly kind: "lost"; readonly reason: SourceError }
  | { readonly kind: "ended"; readonly delayMs: number };

/** One SUBSCRIBE of one topic-partition on one connection, until it is closed or lost. */
export interface Subscription {
  readonly connection: Connection;
  /** The current activation; null for a standby. */
  readonly assignment: Assignment | null;
  readonly endOfTopic: boolean;
  readonly ended: Promise<SubscriptionEnd>;
  readonly acks: Acknowledger;
  acknowledge(delivery: WireDelivery): void;
  acknowledgeThrough(delivery: WireDelivery): void;
  /** Ends the assignment at once, then closes the consumer at the broker. `ended` resolves when that is done. */
  end(delayMs: number): void;
}

export class WireDelivery implements Delivery {
  readonly assignment: Assignment;
  readonly messages: readonly WireMessage[];
  readonly retainedBytes: number;
  readonly redeliveryCount: number;
  readonly subscription: Subscription;
  readonly ledger: number;
  readonly entry: number;
  readonly chunked: ChunkedMessage | null;

  constructor(
    subscription: Subscription,
    assignment: Assignment,
    decoded: DecodedEntry,
    id: Id,
    redeliveryCount: number,
    chunked: ChunkedMessage | null,
  ) {
    this.assignment = assignment;
    this.messages = decoded.messages;
    this.retainedBytes = decoded.retainedBytes;
    this.redeliveryCount = redeliveryCount;
    this.subscription = subscription;
    this.ledger = id[0];
    this.entry = id[1];
    this.chunked = chunked;
  }
}

const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Subscribes and resolves when the broker confirmed it. Everything of `handler` is called from here.
 * @throws SourceError
 */
export async function openSubscription(
  topic: string,
  connection: Connection,
  position: { readonly earliest: boolean; readonly create: boolean },
  context: SubscriptionContext,
): Promise<Subscription> {
  const { handler, permits, budget, clock, log, decoder } = context;
  const consumerId = connection.nextId();
  const partition = partitionIndex(topic);
  const ordered = context.type !== "Shared";
  const ending = Promise.withResolvers<SubscriptionEnd>();
  const account = newPermitAccount((count) => connection.write(flowFrame(consumerId, count)));
  let subscribed = false;
  let activeAtBroker = context.type !== "Failover";
  let over = false;
  let endOfTopic = false;
  let assignment: (Assignment & { active: boolean }) | null = null;
  let previous: Id | null = null;
  /** Chunked messages that were handed on and not yet acknowledged; ordered only. */
  const handedOn = new Set<WireDelivery>();
  let wanted: WireDelivery | null = null;

  const chunks = createChunkCollector({
    maxBytes: context.maxUncompressedBytes,
    clock,
    onExpired(message) {
      budget.take(-message.size);
      log.warn("a chunked message stayed incomplete and is left out", {
        topic,
        chunks: message.next,
        bytes: message.size,
      });
      if (wanted !== null) acknowledgeThrough(wanted);
    },
  });

  const acks = createAcknowledger({
    connection,
    consumerId,
    clock,
    onFailed(error) {
      log.warn("an acknowledgement failed, so that the topic is subscribed again", { topic, error });
      end(0);
    },
  });

  const activate = (): void => {
    if (assignment !== null || over) return;
    assignment = {
      topic,
      epoch: context.nextEpoch(),
      active: true,
      get heardAt() {
        return connection.heardAt;
      },
    };
    handler.assigned(assignment);
    permits.open(account);
  };

  const deactivate = (): void => {
    permits.close(account);
    for (const message of chunks.pending()) budget.take(-message.size);
    chunks.clear();
    handedOn.clear();
    wanted = null;
    previous = null;
    const lost = assignment;
    if (lost === null) return;
    lost.active = false;
    assignment = null;
    handler.revoked(lost);
  };

  const finish = (result: SubscriptionEnd): void => {
    if (over) return;
    over = true;
    acks.end();
    deactivate();
    ending.resolve(result);
  };

  const closeAtBroker = async (): Promise<void> => {
    const what = `closing the consumer of ${topic}`;
    const closing = connection.request(what, Command.CLOSE_CONSUMER, c.closeConsumer, { consumerId }, c.success);
    closing.catch(() => undefined);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.timer(CLOSE_TIMEOUT_MS, resolve);
    await Promise.race([
      closing.then(
        () => undefined,
        () => undefined,
      ),
      promise,
    ]);
    timer.cancel();
    connection.removeConsumer(consumerId);
  };

  const end = (delayMs: number): void => {
    if (over) return;
    over = true;
    // What was acknowledged before is sent ahead of the end, or it would come again.
    void acks.settle();
    acks.end();
    deactivate();
    void closeAtBroker().then(() => ending.resolve({ kind: "ended", delayMs }));
  };

  const handOn = (
    current: Assignment,
    decoded: DecodedEntry,
    id: Id,
    redeliveries: number,
    chunked: ChunkedMessage | null,
  ): void => {
    const delivery = new WireDelivery(subscription, current, decoded, id, redeliveries, chunked);
    if (chunked !== null && ordered) handedOn.add(delivery);
    budget.take(decoded.retainedBytes);
    handler.deliver(delivery);
  };

  const onChunk = (
    current: Assignment,
    entry: WireEntry,
    payload: Buffer,
    id: Id,
    where: EntryPosition,
    redeliveries: number,
  ): void => {
    const outcome = chunks.add(entry, payload, id, previous);
    if (outcome.kind === "waiting") budget.take(payload.length);
    else if (outcome.kind === "stray") {
      log.warn("a chunk without its beginning is left out", { topic, message: `${id[0]}:${id[1]}:${partition}` });
      // Ordered, all unacknowledged entries come from the start: the beginning is gone for good. Shared, another consumer may hold it.
      if (ordered) acks.entry(id[0], id[1]);
    } else {
      const { message } = outcome;
      budget.take(payload.length - message.size);
      const decoded =
        outcome.kind === "complete"
          ? decoder.assembled(entry, where, outcome.payload)
          : decoder.defective(entry, where, outcome.defect, Buffer.concat(message.parts));
      handOn(current, decoded, id, redeliveries, message);
    }
  };

  const onMessage = (command: MessageCommand, bytes: Buffer, start: number, stop: number, owned: boolean): void => {
    const current = assignment;
    if (current === null || context.stopped()) return;
    const { ledger, entry, redeliveryCount } = command;
    const where: EntryPosition = { ledger, entry, partition };
    const decoded = decoder.decode(bytes, start, stop, owned, where, command.ackSet);
    permits.received(account, decoded.permits, decoded.retainedBytes);
    const id: Id = [ledger, entry];
    if (decoded.chunk !== null) onChunk(current, decoded.entry, decoded.chunk, id, where, redeliveryCount);
    else if (decoded.messages.length === 0) acks.entry(ledger, entry);
    else handOn(current, decoded, id, redeliveryCount, null);
    previous = id;
  };

  const acknowledgeThrough = (delivery: WireDelivery): void => {
    for (const chunked of handedOn)
      if (compare([chunked.ledger, chunked.entry], [delivery.ledger, delivery.entry]) <= 0) handedOn.delete(chunked);
    wanted = delivery;
    let mark: Id | null = [delivery.ledger, delivery.entry];
    // The first chunk of a message that is not done yet lies before: a cumulative acknowledgement must not cover it.
    const limits = [
      ...[...chunks.pending()].map((message) => message.before),
      ...[...handedOn].map((open) => open.chunked?.before ?? null),
    ];
    for (const limit of limits) {
      if (mark !== null && (limit === null || compare(limit, mark) < 0)) mark = limit;
    }
    if (mark !== null) acks.through(mark[0], mark[1]);
  };

  const subscription: Subscription = {
    connection,
    get assignment() {
      return assignment;
    },
    get endOfTopic() {
      return endOfTopic;
    },
    ended: ending.promise,
    acks,
    acknowledge(delivery) {
      const ids = delivery.chunked?.ids ?? [delivery.ledger, delivery.entry];
      for (let index = 0; index < ids.length; index += 2) acks.entry(ids[index] as number, ids[index + 1] as number);
    },
    acknowledgeThrough,
    end,
  };

  connection.addConsumer(consumerId, {
    onMessage,
    onActiveChange(active) {
      activeAtBroker = active || context.type !== "Failover";
      if (!subscribed || over) return;
      if (activeAtBroker) activate();
      else deactivate();
    },
    onEndOfTopic() {
      endOfTopic = true;
    },
    onClosed: (reason) => finish({ kind: "lost", reason }),
    onTurnEnd: () => permits.topUp(account),
  });
  try {
    await connection.request(
      `subscribing to ${topic} as ${context.subscription}`,
      Command.SUBSCRIBE,
      c.subscribe,
      {
        topic,
        subscription: context.subscription,
        type: SubType[context.type],
        consumerId,
        consumerName: context.consumerName,
        durable: true,
        initialPosition: position.earliest ? InitialPosition.Earliest : InitialPosition.Latest,
        forceTopicCreation: position.create,
      },
      c.success,
    );
  } catch (error) {
    connection.removeConsumer(consumerId);
    // The broker may have subscribed after all, and would keep the consumer.
    connection.write(closeFrame(connection, consumerId));
    throw error;
  }
  if (over)
    throw (
      connection.closedBy ??
      new SourceError("BrokerNotReady", `the broker closed the consumer of ${topic}; it is tried again`)
    );
  subscribed = true;
  if (activeAtBroker) activate();
  return subscription;
}

function closeFrame(connection: Connection, consumerId: number): Buffer {
  return commandFrame(Command.CLOSE_CONSUMER, c.closeConsumer, { consumerId, requestId: connection.nextId() });
}

function compare(a: Id, b: Id): number {
  return a[0] === b[0] ? a[1] - b[1] : a[0] - b[0];
}
