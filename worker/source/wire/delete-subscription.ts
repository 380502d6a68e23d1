import { backoff } from "../../../runtime/backoff.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { Connection } from "../broker/connection.ts";
import { asSourceError, isSlow } from "../broker/failures.ts";
import { createLookup, type Lookup } from "../broker/lookup.ts";
import { createPool } from "../broker/pool.ts";
import { parseServiceUrl } from "../broker/service-url.ts";
import { fullTopicName, partitionIndex, topicPattern, withoutPartition } from "../broker/topic-name.ts";
import type { WireSourceOptions } from "../options.ts";
import * as c from "../protocol/commands.ts";
import { Command } from "../protocol/commands.ts";
import { SourceError } from "../source.ts";
import { closeConsumer, subscribe } from "./subscribe.ts";

export type DeleteSubscriptionOptions = Pick<
  WireSourceOptions,
  "authentication" | "exceptTopics" | "listenerName" | "serviceUrl" | "tls" | "topics" | "topicsPattern"
> & {
  readonly subscription: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** What has not been done by then is given up. */
  readonly signal: AbortSignal;
};

/** Topic-partitions by what became of the subscription. */
export interface DeletedSubscription {
  readonly deleted: number;
  /** There was no topic, or none with it. */
  readonly absent: number;
}

/** Topic-partitions at once: each takes three requests, and a source may have thousands. */
const AT_ONCE = 20;
const RETRY = { initial: 500, max: 10_000, floor: 200 };

/**
 * Deletes the subscription from every topic-partition of a source, as its only consumer: one that somebody else consumes from
 * stays. No message is asked for, and no topic created. Where it does not exist there is nothing to do.
 * @throws SourceError of the first topic-partition that it could not be deleted from
 */
export async function deleteSubscription(options: DeleteSubscriptionOptions): Promise<DeletedSubscription> {
  const closing = new AbortController();
  const pool = createPool({
    hosts: parseServiceUrl(options.serviceUrl),
    tls: options.tls ?? {},
    authentication: options.authentication ?? null,

    clock: options.clock,
    log: options.log,
    signal: closing.signal,
  });
  const lookup = createLookup(pool, null, options.listenerName);
  try {
    const topics = await persistently("the topics", options, () => topicPartitions(options, lookup));
    const outcomes = await eachOf(topics, (topic) =>
      persistently(topic, options, () => deleteFrom(topic, lookup, options)),
    );
    const deleted = outcomes.filter((done) => done).length;
    return { deleted, absent: outcomes.length - deleted };
  } finally {
    closing.abort(new SourceError("BrokerUnreachable", "the connections are being closed"));
    pool.close();
  }
}

/** The topic-partitions that are there now. @throws SourceError */
async function topicPartitions(options: DeleteSubscriptionOptions, lookup: Lookup): Promise<readonly string[]> {
  const { exceptTopics, topics = [], topicsPattern } = options;
  if (topicsPattern === undefined) {
    const names = [...new Set(topics.map(fullTopicName))];
    const found = await eachOf(names, (topic) => partitionsOf(topic, [topic], lookup));
    return [...new Set(found.flat())];
  }
  const pattern = topicPattern(topicsPattern, exceptTopics);
  const listed = await lookup.topics(pattern.namespace).catch((error: unknown) => absent(error, []));
  const matching = [...Map.groupBy(listed, withoutPartition)].filter(([topic]) => pattern.matches(topic));
  return (await eachOf(matching, ([topic, names]) => partitionsOf(topic, names, lookup))).flat();
}

async function partitionsOf(topic: string, otherwise: readonly string[], lookup: Lookup): Promise<readonly string[]> {
  if (partitionIndex(topic) >= 0) return otherwise;
  const count = await lookup.partitions(topic).catch((error: unknown) => absent(error, null));
  if (count === null) return [];
  if (count === 0) return otherwise;
  return Array.from({ length: count }, (_, index) => `${topic}-partition-${index}`);
}

/** True when it was deleted, false when there was none. @throws SourceError */
async function deleteFrom(topic: string, lookup: Lookup, options: DeleteSubscriptionOptions): Promise<boolean> {
  try {
    const connection = await lookup.broker(topic, "consuming");
    await unsubscribe(topic, connection, options);
    return true;
  } catch (error) {
    return absent(error, false);
  }
}

/** Alone, for the broker would take it away from another consumer of a shared one as well. @throws SourceError */
async function unsubscribe(
  topic: string,
  connection: Connection,
  { clock, subscription }: DeleteSubscriptionOptions,
): Promise<void> {
  const consumerId = connection.nextId();
  const position = { earliest: false, create: false };
  const alone = { subscription, type: "Exclusive", consumerName: undefined } as const;
  await subscribe(topic, connection, consumerId, position, alone);
  try {
    const what = `deleting the subscription ${subscription} of ${topic}`;
    await connection.request(what, Command.UNSUBSCRIBE, c.unsubscribe, { consumerId }, c.success);
  } catch (error) {
    await closeConsumer(topic, connection, consumerId, clock);
    throw error;
  }
}

/** @throws the error, unless it says that there is nothing to delete */
function absent<T>(error: unknown, value: T): T {
  if (!(error instanceof SourceError)) throw error;
  const gone: readonly string[] = ["TopicNotFound", "NamespaceNotFound", "SubscriptionNotFound"];
  if (gone.includes(error.code)) return value;
  throw error;
}

/** Tries until it is done, time is over, or the cause is one that does not pass. @throws SourceError */
async function persistently<T>(
  what: string,
  { clock, log, signal }: DeleteSubscriptionOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  const retry = backoff(RETRY);
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      const error = asSourceError(thrown, what);
      // Brokers notice late that the connection of a consumer is gone.
      const passes = !isSlow(error) || error.code === "SubscriptionBusy";
      if (!passes || signal.aborted) throw error;
      log.warn("the subscription cannot be deleted now; it is tried again", { what, error });
      await clock.sleep(retry.next(), signal).catch(() => Promise.reject(error));
    }
  }
}

/** Some at a time. Ends with the first error. */
async function eachOf<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await act(items[index] as T);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  return results;
}
