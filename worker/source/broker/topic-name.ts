import { PatternError, parseTopicsPattern } from "../../../runtime/topics-pattern.ts";
import { SourceError } from "../source.ts";

const PARTITION = /-partition-(\d+)$/;

/**
 * The full name of a topic: `orders` is `persistent://public/default/orders`, `t/n/orders` is `persistent://t/n/orders`.
 * @throws SourceError
 */
export function fullTopicName(name: string): string {
  const match = /^(?:(persistent|non-persistent):\/\/)?(.+)$/s.exec(name);
  const parts = (match?.[2] ?? "").split("/");
  const named = match?.[1] !== undefined;
  if (
    match === null ||
    parts.some((part) => part === "") ||
    (named ? parts.length < 3 : ![1, 3].includes(parts.length))
  ) {
    throw new SourceError("InvalidTopic", `"${name}" is no topic name: write persistent://tenant/namespace/topic`);
  }
  const local = parts.length === 1 ? `public/default/${parts[0]}` : parts.join("/");
  return `${match[1] ?? "persistent"}://${local}`;
}

/** `tenant/namespace` of a full name. */
export function namespaceOf(topic: string): string {
  return topic
    .replace(/^[^/]*:\/\//, "")
    .split("/", 2)
    .join("/");
}

/** -1 for the name of a topic that is not a partition. */
export function partitionIndex(topic: string): number {
  const match = PARTITION.exec(topic);
  return match === null ? -1 : Number(match[1]);
}

/** The name of the topic that a partition belongs to. */
export function withoutPartition(topic: string): string {
  return topic.replace(PARTITION, "");
}

export interface TopicPattern {
  /** `tenant/namespace` */
  readonly namespace: string;
  /** Whether a full topic name, without a partition's suffix, matches as a whole. @throws SourceError */
  matches(topic: string): boolean;
}

/**
 * A pattern as Pulsar's clients take it, for example `persistent://public/default/orders-.*`. The scheme may be left out; only
 * persistent topics match, and none of `except`.
 * @throws SourceError
 */
export function topicPattern(pattern: string, except: readonly string[] = []): TopicPattern {
  const { namespace, matches } = asSourceError(pattern, () => parseTopicsPattern(pattern));
  const prefix = `persistent://${namespace}/`;
  const excepted = new Set(except.map(fullTopicName));
  return {
    namespace,
    matches: (topic) =>
      topic.startsWith(prefix) &&
      !excepted.has(topic) &&
      asSourceError(pattern, () => matches(topic.slice(prefix.length))),
  };
}

function asSourceError<T>(pattern: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new SourceError("InvalidTopic", `spec.pulsar.topicsPattern "${pattern}" ${error.message}`);
  }
}
