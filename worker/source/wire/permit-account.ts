import { nextSize } from "./permit-target.ts";

/**
 * A broker sends nothing to a consumer that has as many messages unacknowledged as its maxUnackedMessagesPerConsumer (50,000 by
 * default), until half of them are done, and tells nobody. A batch counts whole until it is acknowledged.
 */
const MOST_UNACKED = 45_000;
/** A broker stores so many gaps between what is acknowledged (managedLedgerMaxUnackedRangesToPersist); what lies behind comes again after its restart. */
const MOST_ENTRIES = 9_000;

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
  /** Bytes that may be on their way on its connection, for all consumers; Infinity: any number. */
  readonly receivable: () => number;
  /** A broker sends its one active consumer an entry for each permit, however many messages that holds. */
  readonly perEntry: boolean;
  /** Received and not acknowledged: messages as the broker counts them, and entries. Not where acknowledgements are cumulative. */
  unacked: number;
  entries: number;
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
  receivable: () => number = () => Number.POSITIVE_INFINITY,
): PermitAccount {
  const counts = { outstanding: 0, unacked: 0, entries: 0 };
  return { ...counts, bytesPerPermit, bytesPerEntry, receivable, perEntry, promised: 0, grantedAt: -1, grant };
}

/** What an entry says of itself may be absurd. */
function credible(messages: number): number {
  return messages >= 0 && messages <= MOST_UNACKED ? messages : 1;
}

/** So much is not acknowledged that no more is asked for: a broker would withhold it, or forget what was acknowledged. */
export function isFull({ unacked, entries }: PermitAccount): boolean {
  return unacked >= MOST_UNACKED || entries >= MOST_ENTRIES;
}

/** An entry that counts as `permits` messages arrived and takes `bytes`; 0: it was dropped, and says nothing of others. */
export function noteReceived(account: PermitAccount, permits: number, bytes: number): void {
  account.outstanding -= permits;
  if (!account.perEntry) {
    account.unacked += credible(permits);
    account.entries += 1;
  }
  if (bytes === 0) return;
  const { bytesPerPermit, bytesPerEntry, perEntry } = account;
  account.bytesPerPermit = nextSize(bytesPerPermit, perEntry ? bytes : bytes / Math.max(1, permits));
  account.bytesPerEntry = nextSize(bytesPerEntry, bytes);
}

/** An entry that counts as `messages` was acknowledged by itself. */
export function noteAcknowledged(account: PermitAccount, messages: number): void {
  if (account.perEntry) return;
  account.unacked -= credible(messages);
  account.entries -= 1;
}
