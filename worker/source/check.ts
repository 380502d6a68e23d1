import { randomUUID } from "node:crypto";
import { systemClock } from "../../runtime/clock.ts";
import type { Connection } from "./broker/connection.ts";
import { asSourceError } from "./broker/failures.ts";
import { createLookup, type Lookup } from "./broker/lookup.ts";
import { createPool, type Pool } from "./broker/pool.ts";
import { latestSchemaVersion } from "./broker/schemas.ts";
import { parseServiceUrl } from "./broker/service-url.ts";
import { fullTopicName, namespaceOf, topicPattern, withoutPartition } from "./broker/topic-name.ts";
import type { WireSourceOptions } from "./options.ts";
import * as c from "./protocol/commands.ts";
import { Command, InitialPosition, SubType } from "./protocol/commands.ts";
import { SourceError } from "./source.ts";

/** What came of one thing that was tried. */
export interface Finding {
  readonly subject: string;
  readonly result: "good" | "bad" | "untried";
  /** Bad: the cause in one word and in a sentence, with the remedy. */
  readonly message: string;
}

export type SourceCheckOptions = Pick<
  WireSourceOptions,
  "serviceUrl" | "listenerName" | "topics" | "topicsPattern" | "exceptTopics" | "authentication" | "tls" | "log"
>;

export interface SourceCheck {
  readonly findings: readonly Finding[];
  /** Full names of the topic-partitions that are there. */
  readonly partitions: readonly string[];
}

/** Of more topics the last ones would say the same. */
const MOST_TRIED = 20;

/**
 * Whether a sink could read its topics: the broker, the namespaces, the topics, the permission to consume. Nothing is made,
 * moved or shared out anew: topics are listed, not asked for by name, and a consumer that tries the permission has a
 * subscription of its own that is not kept, asks for no message and creates no topic.
 */
export async function checkSource(options: SourceCheckOptions, signal: AbortSignal): Promise<SourceCheck> {
  const { serviceUrl, authentication = null, tls = {}, log } = options;
  const hosts = parseServiceUrl(serviceUrl);
  const pool = createPool({ hosts, authentication, tls, clock: systemClock, log, signal });
  try {
    const failure = await failureOf("connecting", signal, () => pool.service());
    if (failure !== null) return { findings: [bad("broker", failure)], partitions: [] };
    const who = authentication === null ? "without authentication" : `authenticated by ${authentication.method}`;
    const reached: Finding = {
      subject: "broker",
      result: "good",
      message: `${serviceUrl} lets this client in, ${who}`,
    };
    const lookup = createLookup(pool, null, options.listenerName);
    const found = await findTopics(options, lookup, signal);
    const tried = await tryTopics(found.partitions, lookup, pool, signal);
    return { findings: [reached, ...found.findings, ...tried], partitions: found.partitions };
  } finally {
    pool.close();
  }
}

async function findTopics(options: SourceCheckOptions, lookup: Lookup, signal: AbortSignal): Promise<SourceCheck> {
  const pattern =
    options.topicsPattern === undefined ? null : topicPattern(options.topicsPattern, options.exceptTopics);
  const topics = (options.topics ?? []).map(fullTopicName);
  const namespaces = pattern === null ? [...new Set(topics.map(namespaceOf))] : [pattern.namespace];
  const findings: Finding[] = [];
  const partitions: string[] = [];
  for (const namespace of namespaces) {
    let listed: readonly string[] = [];
    const failure = await failureOf(`listing the topics of ${namespace}`, signal, async () => {
      listed = await lookup.topics(namespace);
    });
    if (failure !== null) {
      findings.push(bad(`namespace ${namespace}`, failure));
      continue;
    }
    const wanted = topics.filter((topic) => namespaceOf(topic) === namespace);
    const here = pattern === null ? named(wanted, listed) : matching(pattern, options.topicsPattern ?? "", listed);
    findings.push(...here.findings);
    partitions.push(...here.partitions);
  }
  return { findings, partitions };
}

function named(topics: readonly string[], listed: readonly string[]): SourceCheck {
  const found = topics.map((topic) => ({
    topic,
    names: listed.filter((name) => name === topic || withoutPartition(name) === topic),
  }));
  const findings = found.map(({ topic, names }): Finding => {
    if (names.length > 0) return { subject: `topic ${topic}`, result: "good", message: partitionsText(names.length) };
    const text = `${topic} does not exist: create it, or leave it to a broker that creates topics by itself`;
    return { subject: `topic ${topic}`, result: "bad", message: `TopicNotFound: ${text}` };
  });
  return { findings, partitions: found.flatMap(({ names }) => names) };
}

function matching(pattern: { matches(topic: string): boolean }, text: string, listed: readonly string[]): SourceCheck {
  const partitions = listed.filter((name) => pattern.matches(withoutPartition(name)));
  const topics = new Set(partitions.map(withoutPartition)).size;
  const message =
    topics === 0
      ? "no topic matches now; topics that appear later are read"
      : `${topics} topics match, ${partitionsText(partitions.length)}`;
  return { findings: [{ subject: `pattern ${text}`, result: topics === 0 ? "untried" : "good", message }], partitions };
}

function partitionsText(count: number): string {
  return count === 1 ? "one topic partition" : `${count} topic partitions`;
}

/** Tries one topic-partition of each topic: permissions are a topic's. */
async function tryTopics(
  partitions: readonly string[],
  lookup: Lookup,
  pool: Pool,
  signal: AbortSignal,
): Promise<Finding[]> {
  const firsts = [
    ...new Map(partitions.toReversed().map((name) => [withoutPartition(name), name])).entries(),
  ].reverse();
  const findings: Finding[] = [];
  for (const [topic, partition] of firsts.slice(0, MOST_TRIED)) {
    const failure = await failureOf(`consuming ${topic}`, signal, async () => {
      await tryToConsume(partition, await lookup.broker(partition, "consuming"));
    });
    findings.push(failure === null ? await schemaFinding(topic, pool, signal) : bad(`consuming ${topic}`, failure));
  }
  if (firsts.length > MOST_TRIED) {
    findings.push({ subject: "consuming", result: "untried", message: `${firsts.length - MOST_TRIED} more topics` });
  }
  return findings;
}

async function tryToConsume(topic: string, connection: Connection): Promise<void> {
  const consumerId = connection.nextId();
  const question = {
    topic,
    subscription: `kinesis-sink-check-${randomUUID()}`,
    type: SubType.Shared,
    consumerId,
    durable: false,
    initialPosition: InitialPosition.Latest,
    forceTopicCreation: false,
  };
  await connection.request(`consuming ${topic}`, Command.SUBSCRIBE, c.subscribe, question, c.success);
  await connection.request(
    `closing the consumer of ${topic}`,
    Command.CLOSE_CONSUMER,
    c.closeConsumer,
    { consumerId },
    c.success,
  );
}

async function schemaFinding(topic: string, pool: Pool, signal: AbortSignal): Promise<Finding> {
  let version: Uint8Array | null = null;
  const failure = await failureOf(`asking for the schema of ${topic}`, signal, async () => {
    version = await latestSchemaVersion(pool, topic);
  });
  if (failure !== null) return bad(`schema of ${topic}`, failure);
  const schema = version === null ? "without a schema" : "with a schema, which can be read";
  return { subject: `consuming ${topic}`, result: "good", message: `allowed, ${schema}` };
}

function bad(subject: string, { code, message }: SourceError): Finding {
  return { subject, result: "bad", message: `${code}: ${message}` };
}

async function failureOf(
  what: string,
  signal: AbortSignal,
  attempt: () => Promise<unknown>,
): Promise<SourceError | null> {
  try {
    await attempt();
    return null;
  } catch (error) {
    if (signal.aborted) return new SourceError("BrokerNotReady", `${what}: no answer in the time for all of it`);
    return asSourceError(error, what);
  }
}
