/** Keeps the stream's shard map up to date, as far as the permission for ListShards goes. */
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { createShardMap, type ShardMap } from "../sink/shards.ts";
import { type Sink, SinkError } from "../sink/sink.ts";

/** Least time between two lists, milliseconds; ListShards allows 1,000 calls per second and stream, shared by all readers. */
const REFRESH_AT_MOST_EVERY_MS = 2_000;

/** A list that failed is asked for again after this time. */
const RETRY_MS = 30_000;

export interface ShardWatch {
  /** Null until the first list, and for good without the permission. */
  readonly map: ShardMap | null;
  start(): void;
  /** A record landed in a shard that the map does not hold, or holds as closed: lists again, soon. */
  unexpected(): void;
  close(): void;
}

/** @param changed called with each map whose open shards differ from the one before */
export function createShardWatch(options: {
  sink: Sink;
  clock: Clock;
  log: Logger;
  changed: (map: ShardMap) => void;
}): ShardWatch {
  const { sink, clock, log, changed } = options;
  const controller = new AbortController();
  let map: ShardMap | null = null;
  let timer: Timer | null = null;
  let listedAt = Number.NEGATIVE_INFINITY;
  let listing = false;

  const schedule = (ms: number): void => {
    if (timer !== null || listing || controller.signal.aborted) return;
    timer = clock.timer(ms, () => {
      timer = null;
      void list();
    });
  };
  const list = async (): Promise<void> => {
    listing = true;
    listedAt = clock.now();
    let retry = false;
    try {
      const listed = createShardMap(await sink.listShards(controller.signal));
      if (controller.signal.aborted) return;
      if (map === null || !map.sameOpen(listed)) {
        map = listed;
        changed(listed);
      }
    } catch (error) {
      if (controller.signal.aborted) return;
      // Without it records are not paced per shard; everything else works.
      const denied = error instanceof SinkError && error.code === "AccessDenied";
      log.warn("shards not listed; records are sent without pacing per shard", { error, again: !denied });
      retry = !denied;
    } finally {
      listing = false;
    }
    if (retry) schedule(RETRY_MS);
  };
  return {
    get map() {
      return map;
    },
    start: () => void list(),
    unexpected: () => {
      if (map !== null) schedule(Math.max(0, listedAt + REFRESH_AT_MOST_EVERY_MS - clock.now()));
    },
    close: () => {
      controller.abort();
      timer?.cancel();
    },
  };
}
