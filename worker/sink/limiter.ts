import type { Clock } from "../../runtime/clock.ts";

export interface LimiterOptions {
  /** `rateLimit`: percent of a shard's limits that may be used. */
  readonly percent: number;
  readonly clock: Clock;
}

/** Paces what is sent to each shard, so that a full shard is kept full with few throttled records. */
export interface Limiter {
  /**
   * Takes `records` records of `bytes` bytes in all (data and keys) from the shard's bucket: 0 when they may go now,
   * else the milliseconds after which to ask again, and nothing was taken. A full bucket passes anything and goes into
   * debt, or a record larger than one second's share could never go.
   */
  take(shardId: string, records: number, bytes: number): number;
  /** A record for the shard was throttled: its rate shrinks, at most once per half second. */
  throttled(shardId: string): void;
  /** The share of the configured rate that the shard has now, 0 to 1. */
  share(shardId: string): number;
  /** Forgets shards that are not in the list. */
  retain(shardIds: Iterable<string>): void;
}

/** Per shard and second (Kinesis quotas). */
const BYTES_PER_SECOND = 1_048_576;
const RECORDS_PER_SECOND = 1_000;

/** AIMD: one throttling takes 15 % away, each second gives 3 % back: over 90 % of a full shard is used, few records fail. */
const DECREASE = 0.85;
const INCREASE_PER_SECOND = 0.03;
const MIN_SHARE = 0.05;
const DECREASE_PAUSE_MS = 500;

interface Bucket {
  records: number;
  bytes: number;
  share: number;
  /** `Clock.now()` up to which the bucket is filled. */
  filledAt: number;
  decreasedAt: number;
}

export function createLimiter({ percent, clock }: LimiterOptions): Limiter {
  const buckets = new Map<string, Bucket>();
  const maxBytes = (BYTES_PER_SECOND * percent) / 100;
  const maxRecords = (RECORDS_PER_SECOND * percent) / 100;

  const filled = (shardId: string): Bucket => {
    const now = clock.now();
    const known = buckets.get(shardId);
    if (known === undefined) {
      const fresh = { records: maxRecords, bytes: maxBytes, share: 1, filledAt: now, decreasedAt: -Infinity };
      buckets.set(shardId, fresh);
      return fresh;
    }
    fill(known, now, maxRecords, maxBytes);
    return known;
  };

  return {
    take(shardId, records, bytes) {
      const bucket = filled(shardId);
      const [capacityRecords, capacityBytes] = [maxRecords * bucket.share, maxBytes * bucket.share];
      const missingRecords = Math.min(records, capacityRecords) - bucket.records;
      const missingBytes = Math.min(bytes, capacityBytes) - bucket.bytes;
      if (missingRecords <= TOLERANCE && missingBytes <= TOLERANCE) {
        bucket.records -= records;
        bucket.bytes -= bytes;
        return 0;
      }
      const seconds = Math.max(missingRecords / capacityRecords, missingBytes / capacityBytes);
      return Math.max(1, Math.ceil(seconds * 1000));
    },
    throttled(shardId) {
      const bucket = filled(shardId);
      const now = clock.now();
      if (now - bucket.decreasedAt < DECREASE_PAUSE_MS) return;
      bucket.decreasedAt = now;
      bucket.share = Math.max(MIN_SHARE, bucket.share * DECREASE);
      // What was saved up is gone on the service's side too.
      bucket.records = Math.min(bucket.records, 0);
      bucket.bytes = Math.min(bucket.bytes, 0);
    },
    share: (shardId) => filled(shardId).share,
    retain(shardIds) {
      const open = new Set(shardIds);
      for (const shardId of buckets.keys()) if (!open.has(shardId)) buckets.delete(shardId);
    },
  };
}

/** Rounding of fractional tokens must not make a full bucket look not quite full. */
const TOLERANCE = 1e-6;

function fill(bucket: Bucket, now: number, maxRecords: number, maxBytes: number): void {
  const seconds = Math.max(0, now - bucket.filledAt) / 1000;
  bucket.filledAt = now;
  bucket.share = Math.min(1, bucket.share + seconds * INCREASE_PER_SECOND);
  const [records, bytes] = [maxRecords * bucket.share, maxBytes * bucket.share];
  bucket.records = Math.min(records, bucket.records + seconds * records);
  bucket.bytes = Math.min(bytes, bucket.bytes + seconds * bytes);
}
