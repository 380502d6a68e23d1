/**
 * Kinesis cannot refuse a writer that lost its topic-partition, so every write is preceded by a check of the
 * assignment: its epoch must be the current one, and its broker must have been heard from a short while ago, because a
 * worker that is cut off does not learn that another one took over.
 */
import type { Assignment } from "../../source/source.ts";

/** Longest silence of a broker after which its assignments may still be written for, milliseconds. */
export const HEARD_WITHIN_MS = 10_000;

/** How soon to look again whether a silent broker was heard from, milliseconds. */
export const HEARD_AGAIN_MS = 250;

export function mayWrite(assignment: Assignment, now: number): boolean {
  return assignment.active && now - assignment.heardAt <= HEARD_WITHIN_MS;
}
