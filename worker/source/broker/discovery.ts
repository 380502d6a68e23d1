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

/** What is looked for, and who is told. */
export interface DiscoveryOptions {
  /** Full names. */
  readonly topics: readonly string[];
  /** Null: `topics` are looked for. */
  readonly pattern: TopicPattern | null;
  readonly lookup: Lookup;
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
  /** Names of topic-partitions. */
  readonly #found = new Set<string>();
  /** Topics whose partitions were asked for and told. */
  readonly #expanded = new Set<string>();
  /** By topic, or by the namespace of the pattern. */
  readonly #failures = new Map<string, Failure>();
  /** The topics of the pattern were listed once. */
  #listed = false;
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
    const late = pattern !== null && this.#listed;
    let names = topics;
    if (pattern !== null) {
      try {
        names = await this.#list(pattern);
        this.#listed = true;
      } catch (error) {
        if (!signal.aborted) this.#fail(pattern.namespace, error);
        return;
      }
    }
    await Promise.all(names.map((name) => this.#expand(name, late && !this.#expanded.has(name))));
    if (this.#failures.size === 0) this.#complete = true;
  }

  /** The topics that match now. Those that do no more are left. @throws SourceError */
  async #list(pattern: TopicPattern): Promise<readonly string[]> {
    const names = await this.#options.lookup.topics(pattern.namespace);
    const matching = new Set(names.map(withoutPartition).filter((name) => pattern.matches(name)));
    for (const name of [...this.#found].filter((known) => !matching.has(withoutPartition(known)))) {
      this.#expanded.delete(withoutPartition(name));
      this.#failures.delete(withoutPartition(name));
      this.#drop(name);
    }
    this.#failures.delete(pattern.namespace);
    return [...matching];
  }

  /**
   * Adds the topic's partitions, and leaves those it no longer has: it may have been created anew. One that had
   * partitions is not taken for a plain topic any more.
   */
  async #expand(topic: string, late: boolean): Promise<void> {
    const { lookup, signal } = this.#options;
    try {
      const count = partitionIndex(topic) >= 0 ? 0 : await lookup.partitions(topic);
      const again = late || this.#expanded.has(topic);
      this.#expanded.add(topic);
      this.#failures.delete(topic);
      if (count === 0 && !this.#found.has(`${topic}-partition-0`)) this.#add(topic, again);
      if (count > 0) this.#drop(topic);
      for (let index = 0; index < count; index++) this.#add(`${topic}-partition-${index}`, again);
      let gone = count;
      while (count > 0 && this.#drop(`${topic}-partition-${gone}`)) gone++;
    } catch (error) {
      if (!signal.aborted) this.#fail(topic, error);
    }
  }

  #add(name: string, late: boolean): void {
    if (this.#found.has(name)) return;
    this.#found.add(name);
    this.#options.onFound({ name, late, create: this.#options.pattern === null });
  }

  #drop(name: string): boolean {
    const known = this.#found.delete(name);
    if (known) this.#options.onGone(name);
    return known;
  }

  #fail(subject: string, cause: unknown): void {
    const { code, message } = asSourceError(cause, `looking for ${subject}`);
    const since = this.#failures.get(subject)?.since ?? this.#options.clock.now();
    this.#failures.set(subject, { code, message, since });
  }
}
