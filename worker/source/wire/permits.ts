import type { Clock } from "../../../runtime/clock.ts";
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

/** A topic-partition that got nothing for so long may have nothing. */
const BUSY_MS = 1_000;

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
export function createPermits(
  budget: ReceiveBudget,
  queueSize: number,
  waiting: WaitingChunks,
  clock: Pick<Clock, "now">,
): Permits {
  const accounts = new Set<PermitAccount>();
  /** Those that got something lately, and when, by `Clock.now()`: what they asked for is on its way. */
  const busy = new Map<PermitAccount, number>();
  const total = budget.free;
  const most = (MOST_BUDGETS - 1) * total;
  const free = (): number => budget.free + waiting.bytes;
  let stopped = false;
  let short = false;
  let scheduled = false;

  /** Returns the bytes that were asked for. */
  const topUp = (account: PermitAccount): number => {
    if (stopped || !accounts.has(account)) return 0;
    const { bytesPerPermit, perEntry, outstanding } = account;
    const size = (bytesPerPermit ?? FIRST_BYTES_PER_PERMIT) * (perEntry ? GENEROSITY : 1);
    const target = permitTarget(free(), accounts.size, size, queueSize);
    if (target < queueSize) short = true;
    if (target === 0 || outstanding * 2 > target) return 0;
    account.outstanding = target;
    account.grant(target - outstanding);
    return (target - Math.max(0, outstanding)) * size;
  };

  /** What is free and not on its way to active consumers. With nothing taken, what is on its way may never come. */
  const unclaimed = (): number => {
    let bytes = free();
    if (budget.free >= total) return bytes;
    const now = clock.now();
    for (const [account, at] of busy) {
      const { perEntry, outstanding, bytesPerPermit } = account;
      if (now - at > BUSY_MS) busy.delete(account);
      else if (perEntry) bytes -= Math.max(0, outstanding) * (bytesPerPermit ?? FIRST_BYTES_PER_PERMIT);
    }
    return bytes;
  };

  /** What was given back is asked for once: where it is less than a message of each, by those whose turn it is. */
  const share = (): void => {
    short = false;
    let left = GENEROSITY * unclaimed();
    for (const account of [...accounts]) {
      if (left <= 0) {
        short = true;
        return;
      }
      const asked = topUp(account);
      if (asked === 0) continue;
      left -= asked;
      accounts.delete(account);
      accounts.add(account);
    }
  };

  budget.onRelease(() => {
    if (!short || scheduled || stopped) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      share();
    });
  });

  return {
    open(account) {
      accounts.add(account);
      topUp(account);
    },
    close(account) {
      accounts.delete(account);
      busy.delete(account);
    },
    received(account, permits, bytes) {
      busy.set(account, clock.now());
      account.outstanding -= permits;
      const sample = account.perEntry ? bytes : bytes / permits;
      const known = account.bytesPerPermit ?? sample;
      account.bytesPerPermit = Math.max(1, sample > known ? sample : known + (sample - known) / 8);
    },
    get overdrawn() {
      return free() < -most;
    },
    mayReceive: (account) => account.outstanding > 0 && free() > 0,
    topUp(account) {
      // What is taken comes back, and is shared then.
      if (account.perEntry && unclaimed() <= 0) short = true;
      else topUp(account);
    },
    stop() {
      stopped = true;
    },
  };
}
