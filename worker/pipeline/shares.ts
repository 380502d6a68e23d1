/**
 * How the budget is shared. Equal shares of 1,000 topic-partitions would be smaller than an entry, so those share it that hold
 * something. What cannot move would take all of it in the end: it may hold half, so that the rest flows.
 */

/** A topic-partition is stuck when nothing of what it holds was done for so long. */
export const STUCK_AFTER_MS = 10_000;

/** What all stuck ones may hold together, as a part of the budget. */
const MOST_STUCK = 0.5;

export interface Usage {
  /** Bytes. */
  readonly total: number;
  /** Bytes that stuck ones hold. */
  readonly stuckBytes: number;
  /** Topic-partitions that hold something and of which something is done all the time. */
  readonly moving: number;
  /** All that are this worker's. */
  readonly assigned: number;
  /** Of these, the stuck ones. */
  readonly stuck: number;
}

/** Bytes that each may hold that moves. One part more than there are holders is kept for the next one, if there is one. */
export function partOf({ total, stuckBytes, moving, assigned, stuck }: Usage): number {
  if (assigned <= 1) return Number.POSITIVE_INFINITY;
  return Math.max(0, total - stuckBytes) / Math.max(1, Math.min(assigned - stuck, moving + 1));
}

/**
 * Bytes that one may hold by how fast it moves: an equal share, or some seconds' worth. What it holds beyond helps nobody, and
 * others would wait for it.
 * @param given bytes that it gave back in the last second or two
 */
export function windowOf({ total, assigned }: Pick<Usage, "total" | "assigned">, given: number): number {
  return Math.max(total / assigned, 4 * given);
}

/** Bytes that those may hold together which do not move steadily: they may turn out to be stuck. */
export function untriedRoom(total: number, stuckBytes: number): number {
  return Math.max(0, total - stuckBytes) / 2;
}

export interface StuckHolder {
  /** Bytes. */
  readonly held: number;
  /** Since when nothing of it was done, milliseconds. */
  readonly stillMs: number;
}

/** Those that are to give back what they hold: the longest stuck, until the rest holds no more than stuck ones may. */
export function toGiveBack<H extends StuckHolder>(stuck: readonly H[], total: number): readonly H[] {
  let bytes = stuck.reduce((sum, { held }) => sum + held, 0);
  if (bytes <= MOST_STUCK * total) return [];
  const longestFirst = [...stuck].sort((a, b) => b.stillMs - a.stillMs);
  const given: H[] = [];
  for (const holder of longestFirst) {
    if (bytes <= MOST_STUCK * total) break;
    bytes -= holder.held;
    given.push(holder);
  }
  return given;
}
