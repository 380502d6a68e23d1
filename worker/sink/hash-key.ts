import { hash } from "node:crypto";

/** A 128-bit hash key as 32 lower-case hex digits: they compare as the numbers do, and cost less than bigints. */
export type HashKey = string;

/** The hash that the service gives a partition key: MD5 of its UTF-8 bytes. */
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
