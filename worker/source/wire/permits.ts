import type { ReceiveBudget } from "../source.ts";

/** Assumed until the first message of a topic-partition was seen. */
const FIRST_BYTES_PER_MESSAGE = 4096;

/**
 * Messages asked for, by the free budget: few of the consumers have their share on the way at the same time, and a broker
 * that may send only part of what it read reads the rest again. When all do, the sockets are read no further.
 */
const GENEROSITY = 2;

/** What one consumer may still be sent. */
export interface PermitAccount {
  /** Messages granted and not yet received; negative when a batch brought more than was granted. */
  outstanding: number;
  /** Recent bytes that a message retains. */
  bytesPerMessage: number;
  grant(permits: number): void;
}

export interface Permits {
  open(account: PermitAccount): void;
  close(account: PermitAccount): void;
  /** An entry that counts as `permits` messages arrived and retains `bytes`. */
  received(account: PermitAccount, permits: number, bytes: number): void;
  /** Grants what is due to the account now. */
  topUp(account: PermitAccount): void;
  /** Grants nothing any more. */
  stop(): void;
}

export function newPermitAccount(grant: (permits: number) => void): PermitAccount {
  return { outstanding: 0, bytesPerMessage: FIRST_BYTES_PER_MESSAGE, grant };
}

/**
 * How many messages a consumer should have outstanding: its share of twice the free budget, at most `queueSize`. One is always
 * admitted while anything is free, or a message larger than the share would never come.
 */
export function permitTarget(free: number, consumers: number, bytesPerMessage: number, queueSize: number): number {
  if (free <= 0) return 0;
  const share = Math.floor((GENEROSITY * free) / consumers / bytesPerMessage);
  return Math.min(queueSize, Math.max(1, share));
}

/** Shares the free budget among the consumers, as permits. Several grants are made one: a frame per half of the target. */
export function createPermits(budget: ReceiveBudget, queueSize: number): Permits {
  const accounts = new Set<PermitAccount>();
  let stopped = false;
  let short = false;
  let scheduled = false;

  const topUp = (account: PermitAccount): void => {
    if (stopped || !accounts.has(account)) return;
    const target = permitTarget(budget.free, accounts.size, account.bytesPerMessage, queueSize);
    if (target < queueSize) short = true;
    if (target === 0 || account.outstanding * 2 > target) return;
    const permits = target - account.outstanding;
    account.outstanding = target;
    account.grant(permits);
  };

  budget.onRelease(() => {
    if (!short || scheduled || stopped) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      short = false;
      for (const account of accounts) topUp(account);
    });
  });

  return {
    open(account) {
      accounts.add(account);
      topUp(account);
    },
    close: (account) => void accounts.delete(account),
    received(account, permits, bytes) {
      account.outstanding -= permits;
      const sample = bytes / permits;
      const known = account.bytesPerMessage;
      account.bytesPerMessage = Math.max(1, sample > known ? sample : known + (sample - known) / 8);
    },
    topUp,
    stop() {
      stopped = true;
    },
  };
}
