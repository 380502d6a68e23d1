/**
 * How large an aggregate may become: the KPL's 51,200 bytes, and more, in steps of the 25 KiB that PUT costs are counted
 * in, where one such aggregate per round trip could not fill a shard.
 */
import type { RequestLimits } from "../../sink/sink.ts";
import { AGGREGATE_KEY_BYTES } from "./aggregate.ts";

const INITIAL_BYTES = 51_200;
const STEP_BYTES = 25_600;
/** Kinesis quota per shard. */
const SHARD_BYTES_PER_SECOND = 1_048_576;
/** Weight of the latest round trip. */
const SMOOTHING = 0.2;

export interface AggregateLimit {
  /** Bytes of an aggregate. */
  readonly bytes: number;
  /** An aggregate's answer took so long. */
  tookMs(ms: number): void;
}

/** @param percent of a shard's limit that may be used */
export function createAggregateLimit(limits: RequestLimits, percent: number): AggregateLimit {
  const most = Math.min(limits.maxRecordBytes, limits.maxBytes) - AGGREGATE_KEY_BYTES;
  const bytesPerMs = (SHARD_BYTES_PER_SECOND * percent) / 100 / 1_000;
  let roundTripMs = 0;
  let bytes = Math.min(INITIAL_BYTES, most);
  return {
    get bytes() {
      return bytes;
    },
    tookMs: (ms) => {
      roundTripMs += SMOOTHING * (ms - roundTripMs);
      const wanted = Math.ceil((roundTripMs * bytesPerMs) / STEP_BYTES) * STEP_BYTES;
      // One step at a time: a single slow answer is not a long round trip.
      const next = wanted > bytes ? bytes + STEP_BYTES : wanted;
      bytes = Math.min(most, Math.max(INITIAL_BYTES, next));
    },
  };
}
