/** How much a consumer may be sent. */

/**
 * Messages asked for, by the free budget: few of the consumers have their share on the way at the same time, and a broker
 * that may send only part of what it read reads the rest again. An active consumer is sent all that was read for it.
 */
const GENEROSITY = 2;

/** All in bytes but for the consumers. */
export interface Room {
  /** Of the budget, what waits for its rest included. */
  readonly free: number;
  /** How many share it. */
  readonly consumers: number;
  /** What the others were granted and did not get. */
  readonly promised: number;
  /** What this one may hold. */
  readonly part: number;
  /** What it holds, beside what waits for its rest. */
  readonly held: number;
  /** What it holds will not stay for long. */
  readonly isMoving: boolean;
  /** A broker sends it all that was read for it. */
  readonly perEntry: boolean;
}

/**
 * Bytes that a consumer may have on the way. All may bring something at once, so whoever holds nothing has an equal share of
 * what is free; who holds something and moves is busy, and has what was not promised to others.
 */
export function allowance({ free, consumers, promised, part, held, isMoving, perEntry }: Room): number {
  if (free <= 0) return 0;
  const generous = perEntry ? free : GENEROSITY * free;
  const equal = generous / consumers;
  const busy = isMoving && held > 0 ? generous - promised : 0;
  return Math.max(0, Math.min(part - held, Math.max(equal, busy)));
}

/**
 * Permits that fit into so many bytes; 0 when not even an entry does: at least one comes, however few messages were granted.
 * @param perPermit bytes that one brings
 * @param perEntry bytes
 */
export function permitTarget(bytes: number, perPermit: number, perEntry: number, queueSize: number): number {
  return bytes < Math.max(perPermit, perEntry) ? 0 : Math.min(queueSize, Math.floor(bytes / perPermit));
}

/** What is brought, after a `sample`: more counts at once, less slowly. @param known null: nothing */
export function nextSize(known: number | null, sample: number): number {
  if (known === null || sample > known) return Math.max(1, sample);
  return Math.max(1, known + (sample - known) / 8);
}
