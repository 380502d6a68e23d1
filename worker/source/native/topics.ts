import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { FoundPartition } from "../broker/discovery.ts";
import type { Failure } from "../broker/failures.ts";
import type { SourceFailure } from "../source.ts";
import type { NativeTopic } from "./topic.ts";

/** Subscribes to all topic-partitions that were found, or to none while memory does not do for all. */
export interface NativeTopics {
  readonly all: readonly NativeTopic[];
  /** Null while there is memory for all. */
  readonly failure: Failure | null;
  get(name: string): NativeTopic | null;
  /** Those that are found together are counted together. */
  add(found: FoundPartition): void;
  remove(name: string): void;
  close(): Promise<void>;
}

export function createNativeTopics(options: {
  readonly start: (found: FoundPartition) => NativeTopic;
  /** Why there is no memory for so many topic-partitions; null when there is. */
  readonly shortage: (partitions: number) => SourceFailure | null;
  readonly clock: Clock;
  readonly log: Logger;
}): NativeTopics {
  return new FoundTopics(options);
}

type TopicsOptions = Parameters<typeof createNativeTopics>[0];

class FoundTopics implements NativeTopics {
  readonly #options: TopicsOptions;
  readonly #found = new Map<string, FoundPartition>();
  /** Those that are subscribed to, or try to be. */
  readonly #topics = new Map<string, NativeTopic>();
  #failure: Failure | null = null;
  #changed = false;
  #closed = false;

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  get all(): readonly NativeTopic[] {
    return [...this.#topics.values()];
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  get(name: string): NativeTopic | null {
    return this.#topics.get(name) ?? null;
  }

  add(found: FoundPartition): void {
    this.#found.set(found.name, found);
    this.#follow();
  }

  remove(name: string): void {
    this.#found.delete(name);
    void this.#topics.get(name)?.close();
    this.#topics.delete(name);
    this.#follow();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.all.map((topic) => topic.close()));
  }

  #follow(): void {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      if (this.#closed) return;
      const shortage = this.#options.shortage(this.#found.size);
      if (shortage === null) this.#startAll();
      else this.#endAll(shortage);
    });
  }

  #startAll(): void {
    this.#failure = null;
    for (const [name, found] of this.#found) {
      if (!this.#topics.has(name)) this.#topics.set(name, this.#options.start(found));
    }
  }

  #endAll({ code, message }: SourceFailure): void {
    const { clock, log } = this.#options;
    if (this.#failure === null) log.warn("the topics are not consumed", { code, reason: message });
    this.#failure = { code, message, since: this.#failure?.since ?? clock.now() };
    for (const topic of this.#topics.values()) void topic.close();
    this.#topics.clear();
  }
}
