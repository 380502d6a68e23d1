import { backoff } from "../../../runtime/backoff.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { asSourceError, type Failure, oldest } from "./failures.ts";
import type { Lookup } from "./lookup.ts";
import { partitionIndex, type TopicPattern, withoutPartition } from "./topic-name.ts";

const RETRY = { initial: 500, max: 15_000, floor: 200 };

/** A topic-partition to be consumed. */
export interface FoundPartition {
  readonly name: string;
  /** It appeared after the first look, so it is read from its start whatever the subscription's initial position. */
  readonly late: boolean;
  /** The broker may create it. Not under a pattern, or a deleted topic would come back. */
  readonly create: boolean;
}

export interface Discovery {
  readonly failure: Failure | null;
  /** True once every topic was found. */
  readonly complete: boolean;
}

/**
 * Finds the partitions of `topics`, or of what matches `pattern`, and looks again every `intervalMs`: partitions grow,
 * and topics appear and vanish under a pattern. Runs until `signal` aborts.
 */
export function startDiscovery(options: {
  readonly topics: readonly string[];
  readonly pattern: TopicPattern | null;
  readonly lookup: Lookup;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onFound: (partition: FoundPartition) => void;
  readonly onGone: (name: string) => void;
}): Discovery {
  const { topics, pattern, lookup, clock, signal, onFound } = options;
  const found = new Set<string>();
  const expanded = new Set<string>();
  const failures = new Map<string, Failure>();
  let listed = pattern === null;
  let complete = false;

  const fail = (subject: string, cause: unknown): void => {
    const error = asSourceError(cause, `looking for ${subject}`);
    const since = failures.get(subject)?.since ?? clock.now();
    failures.set(subject, { code: error.code, message: error.message, since });
  };

  const add = (name: string, late: boolean): void => {
    if (found.has(name)) return;
    found.add(name);
    onFound({ name, late, create: pattern === null });
  };

  const drop = (name: string): boolean => {
    const known = found.delete(name);
    if (known) options.onGone(name);
    return known;
  };

  /**
   * Adds the topic's partitions, and leaves those it no longer has: it may have been created anew. One that had
   * partitions is not taken for a plain topic any more.
   */
  const expand = async (topic: string, late: boolean): Promise<void> => {
    try {
      const count = partitionIndex(topic) >= 0 ? 0 : await lookup.partitions(topic);
      const again = late || expanded.has(topic);
      expanded.add(topic);
      failures.delete(topic);
      if (count === 0 && !(expanded.has(topic) && found.has(`${topic}-partition-0`))) add(topic, again);
      if (count > 0) drop(topic);
      for (let index = 0; index < count; index++) add(`${topic}-partition-${index}`, again);
      let gone = count;
      while (count > 0 && drop(`${topic}-partition-${gone}`)) gone++;
    } catch (error) {
      if (!signal.aborted) fail(topic, error);
    }
  };

  const list = async (from: TopicPattern): Promise<readonly string[]> => {
    const names = await lookup.topics(from.namespace);
    const matching = new Set(names.map(withoutPartition).filter((name) => from.matches(name)));
    for (const name of [...found].filter((known) => !matching.has(withoutPartition(known)))) {
      expanded.delete(withoutPartition(name));
      failures.delete(withoutPartition(name));
      drop(name);
    }
    failures.delete(from.namespace);
    return [...matching];
  };

  const look = async (): Promise<void> => {
    const late = pattern !== null && listed;
    let names = topics;
    if (pattern !== null) {
      try {
        names = await list(pattern);
        listed = true;
      } catch (error) {
        if (!signal.aborted) fail(pattern.namespace, error);
        return;
      }
    }
    await Promise.all(names.map((name) => expand(name, late && !expanded.has(name))));
    if (failures.size === 0) complete = true;
  };

  const run = async (): Promise<void> => {
    const retry = backoff(RETRY);
    while (!signal.aborted) {
      await look();
      if (failures.size === 0) retry.reset();
      const delay = failures.size === 0 ? options.intervalMs : Math.min(retry.next(), options.intervalMs);
      await clock.sleep(delay, signal).catch(() => undefined);
    }
  };

  void run();
  return {
    get failure() {
      return oldest(failures.values());
    },
    get complete() {
      return complete && failures.size === 0;
    },
  };
}
