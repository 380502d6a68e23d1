import type { Clock } from "../../../runtime/clock.ts";
import type { Connection } from "../broker/connection.ts";
import * as c from "../protocol/commands.ts";
import { Command, InitialPosition, SubType } from "../protocol/commands.ts";
import { commandFrame } from "../protocol/frames.ts";
import type { SubscriptionType } from "../source.ts";

const CLOSE_TIMEOUT_MS = 2_000;

/** Who subscribes to all topic-partitions of a source. */
export interface Subscriber {
  readonly subscription: string;
  readonly type: SubscriptionType;
  readonly consumerName: string | undefined;
}

export interface SubscribePosition {
  /** Where a subscription that does not exist yet starts. */
  readonly earliest: boolean;
  /** Whether the broker may create the topic. */
  readonly create: boolean;
}

/** Resolves when the broker confirmed it. @throws SourceError */
export async function subscribe(
  topic: string,
  connection: Connection,
  consumerId: number,
  position: SubscribePosition,
  { subscription, type, consumerName }: Subscriber,
): Promise<void> {
  const what = `subscribing to ${topic} as ${subscription}`;
  const question = {
    topic,
    subscription,
    type: SubType[type],
    consumerId,
    consumerName,
    durable: true,
    initialPosition: position.earliest ? InitialPosition.Earliest : InitialPosition.Latest,
    forceTopicCreation: position.create,
  };
  try {
    await connection.request(what, Command.SUBSCRIBE, c.subscribe, question, c.success);
  } catch (error) {
    connection.removeConsumer(consumerId);
    // An answer that was only late would leave a consumer behind at the broker.
    const close = { consumerId, requestId: connection.nextId() };
    connection.write(commandFrame(Command.CLOSE_CONSUMER, c.closeConsumer, close));
    throw error;
  }
}

/** Resolves when the broker confirmed it, or after a while in any case. */
export async function closeConsumer(
  topic: string,
  connection: Connection,
  consumerId: number,
  clock: Clock,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.timer(CLOSE_TIMEOUT_MS, resolve);
  const what = `closing the consumer of ${topic}`;
  connection
    .request(what, Command.CLOSE_CONSUMER, c.closeConsumer, { consumerId }, c.success)
    .then(() => resolve(), resolve);
  await promise;
  timer.cancel();
  connection.removeConsumer(consumerId);
}
