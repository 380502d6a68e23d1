/** Kinesis sequence numbers: decimal text without leading zeros, too large for a number. */

export function isAfter(sequenceNumber: string, other: string): boolean {
  if (sequenceNumber.length !== other.length) return sequenceNumber.length > other.length;
  return sequenceNumber > other;
}

/**
 * Above these bits is the second in which the shard was created, the same in all of its numbers. AWS documents none of it:
 * it is so in the numbers of its own pages and in kinesalite's `stringifySequence`.
 */
const SECOND_SHIFT = 148n;

/** The least sequence number of a shard that was created a second later; "" when the first one of the shard is not known. */
export function nextSecond(firstSequenceNumber: string): string {
  if (!/^\d+$/.test(firstSequenceNumber)) return "";
  return String(((BigInt(firstSequenceNumber) >> SECOND_SHIFT) + 1n) << SECOND_SHIFT);
}
