import type { BudgetShare } from "../source.ts";

/** What is held of messages and entries that were not handed on whole yet, over all topic-partitions of a source. */
export interface Incomplete {
  /** Bytes of chunks, and of the large entry. Asking for more does not depend on them, or the rest would never come. */
  bytes: number;
  /** Bytes that the chunked messages which have begun may take. */
  reserved: number;
  /** Large entries that are being handed on. */
  readonly large: Set<{ readonly share: BudgetShare }>;
  /** Chunked messages that were given up. */
  givenUp: number;
}

export function nothingIncomplete(): Incomplete {
  return { bytes: 0, reserved: 0, large: new Set(), givenUp: 0 };
}

/** One large entry is handed on at a time, but for those of which nothing moves. */
export function mayReadLarge({ large }: Incomplete): boolean {
  for (const { share } of large) if (!share.isStuck) return false;
  return true;
}

/** Memory for what is to be handed on. */
export interface Room {
  /** Part of the budget is free. */
  readonly hasRoom: boolean;
  /** `listener` is called once, in a later turn of the event loop, after bytes or the turn of a large entry were given back. */
  whenRoom(listener: () => void): void;
  /** Bytes or a turn were given back without the pipeline. */
  gaveBack(): void;
}
