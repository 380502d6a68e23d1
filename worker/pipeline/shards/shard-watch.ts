/** Keeps the stream's shard map up to date, as far as the permission for ListShards goes. */
import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import { createShardMap, type ShardMap } from "../../sink/shard-map.ts";
import { type Sink, SinkError } from "../../sink/sink.ts";
import type { StreamWatch } from "../../sink/stream-watch.ts";

/** Least time between two looks, milliseconds; ListShards allows 1,000 calls per second and stream, shared by all readers. */
const REFRESH_AT_MOST_EVERY_MS = 2_000;

/** How often a stream is looked at where order depends on it; DescribeStreamSummary allows 20 calls per second and account. */
const LOOK_EVERY_MS = 60_000;

/** A list that failed is asked for again after this time. */
const RETRY_MS = 30_000;

/** Permissions are mended by people, and hardly ever this one: it only spares work. */
const DENIED_AGAIN_MS = 300_000;

/** How often a stream that ignores hash keys is looked at again. */
const AUTO_AGAIN_MS = 10_000;

export interface ShardWatch {
  /** Null until the first list. */
  readonly map: ShardMap | null;
  /** The stream's RecordDistributionStrategy is AUTO: it ignores hash keys. */
  readonly auto: boolean;
  start(): void;
  /**
   * A record landed in this shard instead of another one: looks again, soon. True: a look that may show it is under way,
   * for a shard that is new is looked for at once.
   */
  unexpected(shardId: string): boolean;
  close(): void;
}

export interface ShardWatchOptions {
  readonly sink: Sink;
  /** Asked to look too whenever shards are listed: they are not all that can have changed when a record lands elsewhere. */
  readonly streamWatch: StreamWatch;
  readonly clock: Clock;
  readonly log: Logger;
  /** Looks from time to time whether the stream ignores hash keys, for not every record tells. */
  readonly ordered: boolean;
  /** Called with each map whose open shards differ from the one before. */
  readonly changed: (map: ShardMap) => void;
  /** Called after each look, whatever it showed. */
  readonly looked: () => void;
  /** Called when the stream follows hash keys again. */
  readonly resumed: () => void;
}

export function createShardWatch(options: ShardWatchOptions): ShardWatch {
  return new ListingWatch(options);
}

class ListingWatch implements ShardWatch {
  readonly #options: ShardWatchOptions;
  readonly #abort = new AbortController();
  #endAutoChanges: (() => void) | null = null;
  #map: ShardMap | null = null;
  #timer: Timer | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** `lookingLate`: the next look was due while one is under way, so that an older answer cannot overtake a newer one. */
  #state: "idle" | "looking" | "lookingLate" = "idle";
  /** Shards that no list held yet, and that were looked for. */
  readonly #sought = new Set<string>();
  /** `Clock.now()` until which the list is not asked for. */
  #deniedUntil = Number.NEGATIVE_INFINITY;

  constructor(options: ShardWatchOptions) {
    this.#options = options;
  }

  get map(): ShardMap | null {
    return this.#map;
  }

  get auto(): boolean {
    return this.#options.streamWatch.auto;
  }

  start(): void {
    this.#endAutoChanges = this.#options.streamWatch.onAutoChange(() => this.#autoChanged());
    void this.#look();
  }

  unexpected(shardId: string): boolean {
    const now = this.#options.clock.now();
    const isUnknown = this.#map !== null && this.#map.get(shardId) === undefined;
    const isNew = isUnknown && !this.#sought.has(shardId);
    if (isNew) this.#sought.add(shardId);
    this.#schedule(isNew ? 0 : Math.max(0, this.#lookedAt + REFRESH_AT_MOST_EVERY_MS - now));
    return isUnknown && (this.#state !== "idle" || this.#timerAt <= now);
  }

  close(): void {
    this.#abort.abort();
    this.#endAutoChanges?.();
    this.#timer?.cancel();
  }

  #schedule(ms: number): void {
    const { clock } = this.#options;
    const at = clock.now() + ms;
    if (this.#timerAt <= at || this.#abort.signal.aborted) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = clock.timer(ms, () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      if (this.#state === "idle") void this.#look();
      else this.#state = "lookingLate";
    });
  }

  async #look(): Promise<void> {
    this.#lookedAt = this.#options.clock.now();
    this.#state = "looking";
    await Promise.all([this.#list(), this.#options.streamWatch.look(this.#abort.signal)]);
    this.#endLook();
  }

  #endLook(): void {
    const isLate = this.#state === "lookingLate";
    this.#state = "idle";
    this.#options.looked();
    if (isLate) this.#schedule(0);
    if (this.auto) this.#schedule(AUTO_AGAIN_MS);
    else if (this.#options.ordered) this.#schedule(LOOK_EVERY_MS);
  }

  /** The change may have shown in somebody else's look. */
  #autoChanged(): void {
    if (!this.auto) this.#options.resumed();
    else if (this.#state === "idle") this.#schedule(AUTO_AGAIN_MS);
  }

  async #list(): Promise<void> {
    const { clock, sink } = this.#options;
    const deniedMs = this.#deniedUntil - clock.now();
    if (deniedMs > 0) return this.#schedule(deniedMs);
    try {
      const listed = createShardMap(await sink.listShards(this.#abort.signal));
      if (!this.#abort.signal.aborted) this.#listed(listed);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#notListed(error);
    }
  }

  #listed(listed: ShardMap): void {
    this.#deniedUntil = Number.NEGATIVE_INFINITY;
    for (const shardId of this.#sought) if (listed.get(shardId) !== undefined) this.#sought.delete(shardId);
    if (this.#map?.sameOpen(listed) === true) return;
    this.#map = listed;
    this.#options.changed(listed);
  }

  /** Without a list records are neither paced per shard nor aggregated; everything else works. */
  #notListed(error: unknown): void {
    const { clock, log } = this.#options;
    const denied = error instanceof SinkError && error.code === "AccessDenied";
    if (!denied || this.#deniedUntil === Number.NEGATIVE_INFINITY) {
      log.warn("shards not listed; without them records are sent one by one and unpaced", { error });
    }
    this.#deniedUntil = denied ? clock.now() + DENIED_AGAIN_MS : Number.NEGATIVE_INFINITY;
    this.#schedule(denied ? DENIED_AGAIN_MS : RETRY_MS);
  }
}
