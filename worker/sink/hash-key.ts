import { hash } from "node:crypto";

/** A 128-bit hash key as 32 lower-case hex digits: they compare as the numbers do, and cost less than bigints. */
export type HashKey = string;

/** The hash that the service gives a partition key: MD5 of its UTF-8 bytes, as 32 lower-case hex digits. */
export type HashOf = (partitionKey: string) => HashKey;

/**
 * A hash function that remembers recent keys: hashing costs about a microsecond, and keys repeat. Two generations of
 * `capacity` keys each; the older one is dropped when the younger is full.
 */
export function createHashCache(capacity = 16_384): HashOf {
  let young = new Map<string, HashKey>();
  let old = new Map<string, HashKey>();
  return (partitionKey) => {
    const known = young.get(partitionKey);
    if (known !== undefined) return known;
    const value = old.get(partitionKey) ?? hashKey(partitionKey);
    if (young.size >= capacity) {
      old = young;
      young = new Map();
    }
    young.set(partitionKey, value);
    return value;
  };
}

export function hashKey(partitionKey: string): HashKey {
  return hash("md5", partitionKey, "hex");
}

/** As ExplicitHashKey wants it. */
export function toDecimal(hashKey: HashKey): string {
  return BigInt(`0x${hashKey}`).toString();
}

/** The inverse of a shard's bound: 32 hex digits, comparable with {@link HashKey}. */
export function toHashKey(value: bigint): HashKey {
  return value.toString(16).padStart(32, "0");
}
