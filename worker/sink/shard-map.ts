import { type HashKey, toHashKey } from "./hash-key.ts";
import { isAfter, nextSecond } from "./sequence-number.ts";
import type { Shard } from "./sink.ts";

/** A shard with its range in the form that hash keys have. */
export interface MappedShard extends Shard {
  /** Above all of its sequence numbers; "" when not known. */
  readonly sequenceNumbersEnd: string;
  readonly first: HashKey;
  readonly last: HashKey;
}

/** A stream's shards at one moment. Immutable: a refreshed list makes a new map. */
export interface ShardMap {
  /** Open shards by hash range, ascending. */
  readonly open: readonly MappedShard[];
  /** The open shard that takes `hashKey`; undefined when no open shard is known to. */
  shardOf(hashKey: HashKey): MappedShard | undefined;
  /** Open or closed; undefined for an id that the list did not hold. */
  get(shardId: string): MappedShard | undefined;
  /** Does the shard, open or closed, take `hashKey`? An unknown shard takes nothing. */
  contains(shardId: string, hashKey: HashKey): boolean;
  /**
   * False when the sequence number is not of the shard that the list held under this id, but of one of another life of the
   * stream: it is below the first one of the shard, or tells another second of creation.
   */
  holds(shardId: string, sequenceNumber: string): boolean;
  /** True when both have the same open shards with the same ranges. */
  sameOpen(other: ShardMap): boolean;
  /** False when the other list is one of another life of the stream: it lacks shards that are open here. */
  livesOnIn(other: ShardMap): boolean;
}

/** `shards` as ListShards gives them, closed ones included. */
export function createShardMap(shards: readonly Shard[]): ShardMap {
  const all = new Map<string, MappedShard>();
  for (const shard of shards) {
    all.set(shard.shardId, toMapped(shard));
  }
  const open = [...all.values()].filter((shard) => shard.open).sort((a, b) => (a.first < b.first ? -1 : 1));
  return {
    open,
    shardOf(hashKey) {
      const shard = open[lastAtOrBelow(open, hashKey)];
      return shard !== undefined && hashKey <= shard.last ? shard : undefined;
    },
    get: (shardId) => all.get(shardId),
    contains(shardId, hashKey) {
      const shard = all.get(shardId);
      return shard !== undefined && shard.first <= hashKey && hashKey <= shard.last;
    },
    holds(shardId, sequenceNumber) {
      const shard = all.get(shardId);
      if (shard === undefined || shard.sequenceNumbersEnd === "") return true;
      return (
        !isAfter(shard.startingSequenceNumber, sequenceNumber) && isAfter(shard.sequenceNumbersEnd, sequenceNumber)
      );
    },
    livesOnIn: (other) => open.every((shard) => isSame(shard, other.get(shard.shardId))),
    sameOpen: (other) =>
      other.open.length === open.length &&
      open.every((shard, index) => {
        const twin = other.open[index];
        return isSame(shard, twin) && twin?.first === shard.first && twin.last === shard.last;
      }),
  };
}

function toMapped(shard: Shard): MappedShard {
  return {
    ...shard,
    first: toHashKey(shard.startingHashKey),
    last: toHashKey(shard.endingHashKey),
    sequenceNumbersEnd: nextSecond(shard.startingSequenceNumber),
  };
}

function isSame(shard: MappedShard, other: MappedShard | undefined): boolean {
  return shard.shardId === other?.shardId && shard.startingSequenceNumber === other.startingSequenceNumber;
}

/** Index of the last shard that starts at or below `hashKey`; -1 when none does. */
function lastAtOrBelow(shards: readonly MappedShard[], hashKey: HashKey): number {
  let low = 0;
  let high = shards.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const shard = shards[middle];
    if (shard !== undefined && shard.first <= hashKey) low = middle + 1;
    else high = middle - 1;
  }
  return high;
}
