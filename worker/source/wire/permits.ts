import type { ReceiveBudget } from "../source.ts";
import type { WaitingChunks } from "./chunks.ts";

/** Assumed until the first entry of a topic-partition was seen: the largest that brokers take by default. */
const FIRST_BYTES_PER_PERMIT = 5 * 1024 * 1024;

/**
 * Messages asked for, by the free budget: few of the consumers have their share on the way at the same time, and a broker
 * that may send only part of what it read reads the rest again. An active consumer is sent all that was read for it.
 */
const GENEROSITY = 2;

/** Budgets that messages may take, before a consumer that brings still more is given up: a quarter of the memory limit. */
const MOST_BUDGETS = 8;

/** What one consumer may still be sent. */
export interface PermitAccount {
  /** Messages granted and not yet received; negative when a batch brought more than was granted. */
  outstanding: number;
  /** Recent bytes that a permit brings; null until the first entry was seen. */
  bytesPerPermit: number | null;
  /** A broker sends its one active consumer an entry for each permit, however many messages that holds. */
  readonly perEntry: boolean;
  grant(permits: number): void;
}

export interface Permits {
  open(account: PermitAccount): void;
  close(account: PermitAccount): void;
  /** An entry that counts as `permits` messages arrived and takes `bytes`. */
  received(account: PermitAccount, permits: number, bytes: number): void;
  /** True when far more came than was asked for, since messages grew: nothing more should be taken in. */
  readonly overdrawn: boolean;
  /** False while the account may be sent nothing, or more was taken than there is. */
  mayReceive(account: PermitAccount): boolean;
  /** Grants what is due to the account now. */
  topUp(account: PermitAccount): void;
  /** Grants nothing any more. */
  stop(): void;
}

/** @param bytesPerPermit what is known of the topic-partition from before; null: nothing */
export function newPermitAccount(
  grant: (permits: number) => void,
  perEntry = false,
  bytesPerPermit: number | null = null,
): PermitAccount {
  return { outstanding: 0, bytesPerPermit, perEntry, grant };
}

/**
 * How many messages a consumer should have outstanding: its share of twice the free budget, at most `queueSize`. One is always
 * admitted while anything is free, or a message larger than the share would never come.
 */
export function permitTarget(free: number, consumers: number, bytesPerPermit: number, queueSize: number): number {
  if (free <= 0) return 0;
  const share = Math.floor((GENEROSITY * free) / consumers / bytesPerPermit);
  return Math.min(queueSize, Math.max(1, share));
}

/**
 * Shares the free budget among the consumers, as permits. Several grants are made one: a frame per half of the target.
 * Nothing may have been taken of the budget yet. `waiting` does not count, or what waits for its rest would never get it.
 */
export function createPermits(budget: ReceiveBudget, queueSize: number, waiting: WaitingChunks): Permits {
  const accounts = new Set<PermitAccount>();
  const most = (MOST_BUDGETS - 1) * budget.free;
  const free = (): number => budget.free + waiting.bytes;
  let stopped = false;
  let short = false;
  let scheduled = false;

  const topUp = (account: PermitAccount): void => {
    if (stopped || !accounts.has(account)) return;
    const size = account.bytesPerPermit ?? FIRST_BYTES_PER_PERMIT;
    const target = permitTarget(free(), accounts.size, account.perEntry ? GENEROSITY * size : size, queueSize);
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
      const sample = account.perEntry ? bytes : bytes / permits;
      const known = account.bytesPerPermit ?? sample;
      account.bytesPerPermit = Math.max(1, sample > known ? sample : known + (sample - known) / 8);
    },
    get overdrawn() {
      return free() < -most;
    },
    mayReceive: (account) => account.outstanding > 0 && free() > 0,
    topUp,
    stop() {
      stopped = true;
    },
  };
}
