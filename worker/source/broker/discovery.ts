import { backoff } from "../../../runtime/backoff.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { asSourceError, type Failure, oldest } from "./failures.ts";
import type { Lookup } from "./lookup.ts";
import { namespaceOf, partitionIndex, type TopicPattern, withoutPartition } from "./topic-name.ts";

const RETRY = { initial: 500, max: 15_000, floor: 200 };

/** A topic-partition to be consumed. */
export interface FoundPartition {
  readonly name: string;
  /** It appeared after the first look, or while nobody looked, so it is read from its start whatever the subscription's initial position. */
  readonly late: boolean;
  /** The broker may create it. Not under a pattern, or a deleted topic would come back. */
  readonly create: boolean;
}

export interface Discovery {
  readonly failure: Failure | null;
  /** True once every topic was found. */
  readonly complete: boolean;
}

/** What is looked for, and who is told. */
export interface DiscoveryOptions {
  /** Full names. */
  readonly topics: readonly string[];
  /** Null: `topics` are looked for. */
  readonly pattern: TopicPattern | null;
  /** Everything was found once before, by another. */
  readonly foundBefore?: boolean | undefined;
  readonly lookup: Pick<Lookup, "partitions" | "topics">;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onFound: (partition: FoundPartition) => void;
  readonly onGone: (name: string) => void;
}

/**
 * Finds the partitions of `topics`, or of what matches `pattern`, and looks again every `intervalMs`: partitions grow,
 * and topics appear and vanish under a pattern. Runs until `signal` aborts.
 */
export function startDiscovery(options: DiscoveryOptions): Discovery {
  const discovery = new TopicDiscovery(options);
  void discovery.run();
  return discovery;
}

class TopicDiscovery implements Discovery {
  readonly #options: DiscoveryOptions;
  /** Names of topic-partitions, by the topic whose partitions were asked for. */
  readonly #found = new Map<string, Set<string>>();
  /** By topic, or by the namespace of the pattern. */
  readonly #failures = new Map<string, Failure>();
  /** What the first list of the pattern held, and is still there: it was there before, however late it can be looked up. */
  #first: Set<string> | null = null;
  #complete = false;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  get failure(): Failure | null {
    return oldest(this.#failures.values());
  }

  get complete(): boolean {
    return this.#complete && this.#failures.size === 0;
  }

  async run(): Promise<void> {
    const { clock, signal, intervalMs } = this.#options;
    const retry = backoff(RETRY);
    while (!signal.aborted) {
      await this.#look();
      const sound = this.#failures.size === 0;
      if (sound) retry.reset();
      await clock.sleep(sound ? intervalMs : Math.min(retry.next(), intervalMs), signal).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { pattern, topics, signal } = this.#options;
    if (pattern === null) await Promise.all(topics.map((topic) => this.#expand(topic, false, null)));
    else {
      try {
        const listed = await this.#list(pattern);
        this.#first ??= new Set(listed.keys());
        const first = this.#first;
        await Promise.all([...listed].map(([topic, names]) => this.#expand(topic, !first.has(topic), names)));
      } catch (error) {
        if (!signal.aborted) this.#fail(pattern.namespace, error);
        return;
      }
    }
    if (this.#failures.size === 0) this.#complete = true;
  }

  /** The topics that match now, with the names in the list that are theirs. Those that do no more are left. @throws SourceError */
  async #list(pattern: TopicPattern): Promise<ReadonlyMap<string, readonly string[]>> {
    const names = await this.#options.lookup.topics(pattern.namespace);
    const matching = Map.groupBy(names, withoutPartition);
    for (const topic of matching.keys()) if (!pattern.matches(topic)) matching.delete(topic);
    for (const topic of [...this.#found.keys(), ...this.#failures.keys()]) {
      if (matching.has(topic)) continue;
      this.#keep(topic, []);
      this.#found.delete(topic);
      this.#failures.delete(topic);
      this.#first?.delete(topic);
    }
    return matching;
  }

  /**
   * Adds the topic's partitions, and leaves those it no longer has: it may have been created anew.
   * @param listed names in the namespace that are the topic's; null when it was not listed
   */
  async #expand(topic: string, late: boolean, listed: readonly string[] | null): Promise<void> {
    const { foundBefore = false, signal } = this.#options;
    try {
      const names = await this.#namesOf(topic, listed);
      const again = late || foundBefore || this.#found.has(topic);
      this.#failures.delete(topic);
      this.#keep(topic, names);
      for (const name of names) this.#add(topic, name, again);
    } catch (error) {
      if (!signal.aborted) this.#fail(topic, error);
    }
  }

  /** The topic-partitions to be consumed for a topic. @throws SourceError */
  async #namesOf(topic: string, listed: readonly string[] | null): Promise<readonly string[]> {
    const { lookup } = this.#options;
    const count = partitionIndex(topic) >= 0 ? 0 : await lookup.partitions(topic);
    if (count > 0) return Array.from({ length: count }, (_, index) => `${topic}-partition-${index}`);
    // Without partitions, what has a partition's name is a topic by itself.
    if (listed !== null) return listed;
    const known = [...(this.#found.get(topic) ?? [])];
    if (!known.some((name) => name !== topic)) return [topic];
    // It had partitions. It may have been deleted: to subscribe would make it anew, as another topic than it was.
    const existing = await lookup.topics(namespaceOf(topic));
    return existing.includes(topic) ? [topic] : known;
  }

  /** Leaves what was found for a topic and is not among `names`. */
  #keep(topic: string, names: readonly string[]): void {
    const found = this.#found.get(topic);
    if (found === undefined) return;
    const wanted = new Set(names);
    for (const name of found) {
      if (wanted.has(name)) continue;
      found.delete(name);
      if (!this.#isFound(name)) this.#options.onGone(name);
    }
  }

  #add(topic: string, name: string, late: boolean): void {
    const known = this.#isFound(name);
    const found = this.#found.get(topic) ?? new Set();
    this.#found.set(topic, found.add(name));
    if (!known) this.#options.onFound({ name, late, create: this.#options.pattern === null });
  }

  /** For its topic, or as one of `topics` itself. */
  #isFound(name: string): boolean {
    return this.#found.get(name)?.has(name) === true || this.#found.get(withoutPartition(name))?.has(name) === true;
  }

  #fail(subject: string, cause: unknown): void {
    const { code, message } = asSourceError(cause, `looking for ${subject}`);
    const since = this.#failures.get(subject)?.since ?? this.#options.clock.now();
    this.#failures.set(subject, { code, message, since });
  }
}
