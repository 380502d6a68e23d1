/** Keeps the stream's shard map up to date, as far as the permission for ListShards goes. */
import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import { createShardMap, type ShardMap } from "../../sink/shard-map.ts";
import { isGone, type Sink, SinkError } from "../../sink/sink.ts";
import type { StreamWatch } from "../../sink/stream-watch.ts";

/** Least time between two looks, milliseconds; ListShards allows 1,000 calls per second and stream, shared by all readers. */
const REFRESH_AT_MOST_EVERY_MS = 2_000;

/** How often a stream is looked at where order depends on it; DescribeStreamSummary allows 20 calls per second and account. */
const LOOK_EVERY_MS = 60_000;
/** How often it is looked at elsewhere. */
const UNORDERED_LOOK_EVERY_MS = 300_000;

/** A list that failed is asked for again after this time. */
const RETRY_MS = 30_000;

/** Permissions are mended by people, and hardly ever this one: it only spares work. */
const DENIED_AGAIN_MS = 300_000;

/** How often a stream that ignores hash keys is looked at again. */
const AUTO_AGAIN_MS = 10_000;

export interface ShardWatch {
  /** Grows whenever the stream may have been made anew: sequence numbers from before are not to be compared. */
  readonly life: number;
  /** The stream's RecordDistributionStrategy is AUTO: it ignores hash keys. */
  readonly auto: boolean;
  start(): void;
  /**
   * A record landed in this shard instead of another one: looks again, soon. True: a look that may show it is under way,
   * for a shard that is new is looked for at once.
   */
  unexpected(shardId: string): boolean;
  /**
   * False when the record that this shard accepted tells that it is another shard than the list held under this id: the
   * stream was made anew. Then it looks again at once.
   * @param sentFor the record was sent since the list is known, and so to no earlier life of the stream
   */
  holds(shardId: string, sequenceNumber: string, sentFor: boolean): boolean;
  /** Looks again, soon. */
  lookAgain(): void;
  /** The stream is not there, or not active: the list holds no longer. */
  gone(): void;
  /** A record was accepted while there is no list. */
  isBack(): void;
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
  /** Called with each map whose open shards differ from the one before; null: the shards are not known any more. */
  readonly changed: (map: ShardMap | null) => void;
  /** Called after each look, whatever it showed. */
  readonly looked: () => void;
  /** Called when the stream follows hash keys again. */
  readonly resumed: () => void;
}

export function createShardWatch(options: ShardWatchOptions): ShardWatch {
  return new ListingWatch(options);
}

/** A record that a shard of another life of the stream seems to have accepted. */
interface Doubt {
  readonly shardId: string;
  readonly sequenceNumber: string;
}

class ListingWatch implements ShardWatch {
  readonly #options: ShardWatchOptions;
  readonly #abort = new AbortController();
  readonly #unlisten: (() => void)[] = [];
  #map: ShardMap | null = null;
  #life = 0;
  /** The map was given up, and a list is to take its place as soon as the stream takes records. */
  #isVoid = false;
  /** A fresh list shows whether sequence numbers tell the life of a stream here. */
  #doubt: Doubt | null = null;
  #numbersTell = true;
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

  get life(): number {
    return this.#life;
  }

  get auto(): boolean {
    return this.#options.streamWatch.auto;
  }

  start(): void {
    const { streamWatch } = this.#options;
    this.#unlisten.push(
      streamWatch.onAutoChange(() => this.#autoChanged()),
      streamWatch.onGone(() => this.gone()),
    );
    void this.#look();
  }

  unexpected(shardId: string): boolean {
    const isUnknown = this.#map !== null && this.#map.get(shardId) === undefined;
    const isNew = isUnknown && !this.#sought.has(shardId);
    if (isNew) this.#sought.add(shardId);
    if (isNew) this.#schedule(0);
    else this.lookAgain();
    return isUnknown && (this.#state !== "idle" || this.#timerAt <= this.#options.clock.now());
  }

  holds(shardId: string, sequenceNumber: string, sentFor: boolean): boolean {
    if (!this.#numbersTell || this.#map === null || this.#map.holds(shardId, sequenceNumber)) return true;
    if (!sentFor) return false;
    if (this.#doubt !== null) this.lookAgain();
    else {
      this.#doubt = { shardId, sequenceNumber };
      this.#schedule(0);
    }
    return false;
  }

  lookAgain(): void {
    this.#schedule(Math.max(0, this.#lookedAt + REFRESH_AT_MOST_EVERY_MS - this.#options.clock.now()));
  }

  gone(): void {
    this.#life += 1;
    this.#isVoid = true;
    this.#doubt = null;
    if (this.#map === null) return;
    this.#map = null;
    this.#options.log.warn(
      "the stream is not there; its shards are listed anew, and records sent one by one until then",
    );
    this.#options.changed(null);
    this.#schedule(RETRY_MS);
  }

  isBack(): void {
    if (this.#isVoid) this.lookAgain();
  }

  close(): void {
    this.#abort.abort();
    for (const end of this.#unlisten) end();
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
    else this.#schedule(this.#options.ordered ? LOOK_EVERY_MS : UNORDERED_LOOK_EVERY_MS);
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
    const [life, doubt] = [this.#life, this.#doubt];
    try {
      const listed = createShardMap(await sink.listShards(this.#abort.signal));
      // One that was asked for before the stream went may be of before, too.
      if (life !== this.#life) this.lookAgain();
      else if (!this.#abort.signal.aborted) this.#listed(listed, doubt);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#notListed(error);
    }
  }

  /** @param doubt which the list was asked to clear up */
  #listed(listed: ShardMap, doubt: Doubt | null): void {
    this.#deniedUntil = Number.NEGATIVE_INFINITY;
    for (const shardId of this.#sought) if (listed.get(shardId) !== undefined) this.#sought.delete(shardId);
    if (doubt !== null) this.#clearUp(doubt, listed);
    this.#isVoid = false;
    if (this.#map?.sameOpen(listed) === true) return;
    if (this.#map?.livesOnIn(listed) === false) {
      this.#life += 1;
      this.#options.log.warn("the stream was made anew under its name: it has other shards");
    }
    this.#map = listed;
    this.#options.changed(listed);
  }

  #clearUp(doubt: Doubt, listed: ShardMap): void {
    if (this.#doubt === doubt) this.#doubt = null;
    if (listed.holds(doubt.shardId, doubt.sequenceNumber)) return;
    // AWS documents nothing of what is in a sequence number.
    this.#numbersTell = false;
    this.#options.log.info("the endpoint's sequence numbers do not tell when a shard was created", { ...doubt });
  }

  /** Without a list records are neither paced per shard nor aggregated; everything else works. */
  #notListed(error: unknown): void {
    const { clock, log } = this.#options;
    const denied = error instanceof SinkError && error.code === "AccessDenied";
    // Nothing more is to be had.
    if (denied) this.#isVoid = false;
    else if (error instanceof SinkError && isGone(error)) this.gone();
    if (!denied || this.#deniedUntil === Number.NEGATIVE_INFINITY) {
      log.warn("shards not listed; without them records are sent one by one and unpaced", { error });
    }
    this.#deniedUntil = denied ? clock.now() + DENIED_AGAIN_MS : Number.NEGATIVE_INFINITY;
    this.#schedule(denied ? DENIED_AGAIN_MS : RETRY_MS);
  }
}
