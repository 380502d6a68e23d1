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
  /** Whether a full topic name, without a partition's suffix, matches as a whole. */
  matches(topic: string): boolean;
}

/**
 * A pattern as Pulsar's clients take it: tenant and namespace are fixed, the rest is a regular expression, for example
 * `persistent://public/default/orders-.*`. The scheme may be left out; only persistent topics match, and none of `except`.
 * @throws SourceError
 */
export function topicPattern(pattern: string, except: readonly string[] = []): TopicPattern {
  const local = pattern.replace(/^persistent:\/\//, "");
  const match = /^([^/]+\/[^/]+)\/(.+)$/s.exec(local.includes("/") ? local : `public/default/${local}`);
  if (match === null || local.startsWith("non-persistent:")) throw invalidPattern(pattern, "");
  const namespace = match[1] ?? "";
  const prefix = `persistent://${namespace}/`;
  let expression: RegExp;
  try {
    expression = new RegExp(`^(?:${match[2]})$`, "u");
  } catch (error) {
    throw invalidPattern(pattern, ` (${error instanceof Error ? error.message : "invalid"})`);
  }
  const excepted = new Set(except.map(fullTopicName));
  return {
    namespace,
    matches: (topic) => topic.startsWith(prefix) && !excepted.has(topic) && expression.test(topic.slice(prefix.length)),
  };
}

function invalidPattern(pattern: string, reason: string): SourceError {
  return new SourceError(
    "InvalidTopic",
    `"${pattern}" is no topics pattern${reason}: write persistent://tenant/namespace/ and a regular expression`,
  );
}
