/** A stream of two shards, and keys of which it is known where they belong. */
import { hashKey } from "../../../worker/sink/hash-key.ts";
import type { Shard } from "../../../worker/sink/sink.ts";
import { createRig, type RigOptions } from "./rig.ts";

export const MIDDLE = 1n << 127n;
const MAX = (1n << 128n) - 1n;

export const shard = (shardId: string, startingHashKey: bigint, endingHashKey: bigint, open = true): Shard => ({
  shardId,
  startingSequenceNumber: "",
  startingHashKey,
  endingHashKey,
  parents: [],
  open,
});

export const halves = [shard("low", 0n, MIDDLE - 1n), shard("high", MIDDLE, MAX)];

/** What `low` is split into. */
export const lowSplit = [
  shard("low", 0n, MIDDLE - 1n, false),
  shard("first", 0n, MIDDLE / 2n - 1n),
  shard("second", MIDDLE / 2n, MIDDLE - 1n),
];

export const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
/** In the first quarter of all hashes, in the second one, and in the upper half. */
export const [a, b, c, d] = keys.filter((key) => hashKey(key) < "4") as [string, string, string, string];
export const [e] = keys.filter((key) => hashKey(key) >= "4" && hashKey(key) < "8") as [string];
export const [h, i] = keys.filter((key) => hashKey(key) >= "8") as [string, string];

/** A rig that aggregates, with a topic-partition that may be written for. */
export async function rigWith(options: RigOptions = {}) {
  const rig = createRig({ aggregation: true, shards: halves, ...options });
  const orders = rig.assign();
  await rig.clock.advance(6_000);
  return { rig, orders };
}

export const landed = (shardId: string, sequenceNumber: string) =>
  ({ accepted: true, shardId, sequenceNumber }) as const;
