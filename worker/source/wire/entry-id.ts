/** An entry of one topic-partition. */
export type EntryId = readonly [ledger: number, entry: number];

/** Negative when `a` lies before `b`. */
export function compareEntries(a: EntryId, b: EntryId): number {
  return a[0] === b[0] ? a[1] - b[1] : a[0] - b[0];
}
