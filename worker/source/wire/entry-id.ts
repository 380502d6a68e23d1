/** An entry of one topic-partition. */
export type EntryId = readonly [ledger: number, entry: number];

/** Negative when `a` lies before `b`. */
export function compareEntries(a: EntryId, b: EntryId): number {
  return a[0] === b[0] ? a[1] - b[1] : a[0] - b[0];
}

/**
 * Up to where everything may be acknowledged when all up to `id` but the `undone` messages is done; null for nothing. The
 * first chunk of a message lies before its last one: the acknowledgement must not cover it.
 */
export function cumulativeThrough(id: EntryId, undone: readonly { readonly before: EntryId | null }[]): EntryId | null {
  let through = id;
  for (const { before } of undone) {
    if (before === null) return null;
    if (compareEntries(before, through) < 0) through = before;
  }
  return through;
}
