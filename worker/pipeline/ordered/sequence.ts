/** Compares Kinesis sequence numbers: decimal text without leading zeros, too large for a number. */
export function isAfter(sequenceNumber: string, other: string): boolean {
  if (sequenceNumber.length !== other.length) return sequenceNumber.length > other.length;
  return sequenceNumber > other;
}
