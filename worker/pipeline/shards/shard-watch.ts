/** Keeps the stream's shard map up to date, as far as the permission for ListShards goes. */
import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import { createShardMap, type ShardMap } from "../../sink/shards.ts";
import { type Sink, SinkError, type SinkFailure } from "../../sink/sink.ts";

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

/** Why an ordered pipeline stops writing. */
export const AUTO: SinkFailure = {
  code: "RecordDistributionAuto",
  class: "notReady",
  message:
    "The stream's RecordDistributionStrategy is AUTO, which ignores partition keys, so order cannot be kept: set it to " +
    "USER_PARTITION_KEY, or set spec.config.retainOrdering to false.",
  ambiguous: false,
};

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

/**
 * @param ordered looks from time to time whether the stream ignores hash keys, for not every record tells
 * @param changed called with each map whose open shards differ from the one before
 * @param looked called after each look, whatever it showed
 * @param resumed called when the stream follows hash keys again
 */
export function createShardWatch(options: {
  sink: Sink;
  clock: Clock;
  log: Logger;
  ordered: boolean;
  changed: (map: ShardMap) => void;
  looked: () => void;
  resumed: () => void;
}): ShardWatch {
  const { sink, clock, log, ordered, changed, looked, resumed } = options;
  const controller = new AbortController();
  let map: ShardMap | null = null;
  let timer: Timer | null = null;
  let timerAt = Number.POSITIVE_INFINITY;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking = false;
  /** Shards that no list held yet, and that were looked for. */
  const sought = new Set<string>();
  let late = false;
  /** `Clock.now()` until which the list is not asked for. */
  let deniedUntil = Number.NEGATIVE_INFINITY;
  let auto = false;

  const schedule = (ms: number): void => {
    const at = clock.now() + ms;
    if (timerAt <= at || controller.signal.aborted) return;
    timer?.cancel();
    timerAt = at;
    timer = clock.timer(ms, () => {
      timerAt = Number.POSITIVE_INFINITY;
      // An older answer must not overtake a newer one.
      if (looking) late = true;
      else void look();
    });
  };
  /** Shards are not all that can have changed when a record lands elsewhere. */
  const look = async (): Promise<void> => {
    lookedAt = clock.now();
    looking = true;
    await Promise.all([list(), describe()]);
    looking = false;
    looked();
    if (late) schedule(0);
    late = false;
    if (auto) schedule(AUTO_AGAIN_MS);
    else if (ordered) schedule(LOOK_EVERY_MS);
  };
  const describe = async (): Promise<void> => {
    try {
      const { recordDistribution } = await sink.describe(controller.signal);
      if (controller.signal.aborted || auto === (recordDistribution === "AUTO")) return;
      auto = recordDistribution === "AUTO";
      log.warn(
        auto
          ? "the stream ignores partition keys now (RecordDistributionStrategy AUTO)"
          : "the stream follows partition keys again",
      );
      if (!auto) resumed();
    } catch (error) {
      if (!controller.signal.aborted) log.warn("stream not described", { error });
    }
  };
  const list = async (): Promise<void> => {
    const deniedMs = deniedUntil - clock.now();
    if (deniedMs > 0) return schedule(deniedMs);
    try {
      const listed = createShardMap(await sink.listShards(controller.signal));
      if (controller.signal.aborted) return;
      deniedUntil = Number.NEGATIVE_INFINITY;
      for (const shardId of sought) if (listed.get(shardId) !== undefined) sought.delete(shardId);
      if (map?.sameOpen(listed) === true) return;
      map = listed;
      changed(listed);
    } catch (error) {
      if (controller.signal.aborted) return;
      // Without it records are neither paced per shard nor aggregated; everything else works.
      const denied = error instanceof SinkError && error.code === "AccessDenied";
      if (!denied || deniedUntil === Number.NEGATIVE_INFINITY) {
        log.warn("shards not listed; without them records are sent one by one and unpaced", { error });
      }
      deniedUntil = denied ? clock.now() + DENIED_AGAIN_MS : Number.NEGATIVE_INFINITY;
      schedule(denied ? DENIED_AGAIN_MS : RETRY_MS);
    }
  };
  return {
    get map() {
      return map;
    },
    get auto() {
      return auto;
    },
    start: () => void look(),
    unexpected: (shardId) => {
      const isUnknown = map !== null && map.get(shardId) === undefined;
      const isNew = isUnknown && !sought.has(shardId);
      if (isNew) sought.add(shardId);
      schedule(isNew ? 0 : Math.max(0, lookedAt + REFRESH_AT_MOST_EVERY_MS - clock.now()));
      return isUnknown && (looking || timerAt <= clock.now());
    },
    close: () => {
      controller.abort();
      timer?.cancel();
    },
  };
}
