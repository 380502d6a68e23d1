import { nextSize } from "./permit-target.ts";

/** What recent entries of a topic-partition took, bytes; null until the first one was seen. */
export interface RecentSizes {
  bytesPerPermit: number | null;
  bytesPerEntry: number | null;
}

const NOTHING_SEEN: RecentSizes = { bytesPerPermit: null, bytesPerEntry: null };

/** What one consumer may still be sent. */
export interface PermitAccount extends RecentSizes {
  /** Messages granted and not yet received; negative when a batch brought more than was granted. */
  outstanding: number;
  /** A broker sends its one active consumer an entry for each permit, however many messages that holds. */
  readonly perEntry: boolean;
  /** Bytes that `outstanding` may bring, as far as is known. */
  promised: number;
  /** `BudgetShare.progress` when it was last granted an entry beyond its part; -1 before. */
  grantedAt: number;
  grant(permits: number): void;
}

/** @param sizes what is known of the topic-partition from before */
export function newPermitAccount(
  grant: (permits: number) => void,
  perEntry = false,
  { bytesPerPermit, bytesPerEntry }: RecentSizes = NOTHING_SEEN,
): PermitAccount {
  return { outstanding: 0, bytesPerPermit, bytesPerEntry, perEntry, promised: 0, grantedAt: -1, grant };
}

/** An entry that counts as `permits` messages arrived and takes `bytes`; 0: it was dropped, and says nothing of others. */
export function noteReceived(account: PermitAccount, permits: number, bytes: number): void {
  account.outstanding -= permits;
  if (bytes === 0) return;
  const { bytesPerPermit, bytesPerEntry, perEntry } = account;
  account.bytesPerPermit = nextSize(bytesPerPermit, perEntry ? bytes : bytes / Math.max(1, permits));
  account.bytesPerEntry = nextSize(bytesPerEntry, bytes);
}
