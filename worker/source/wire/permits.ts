import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { ReceiveBudget } from "../source.ts";
import type { WaitingChunks } from "./chunk-collector.ts";

/** Assumed until the first entry of a topic-partition was seen: the largest that brokers take by default. */
const FIRST_BYTES_PER_PERMIT = 5 * 1024 * 1024;

/**
 * Messages asked for, by the free budget: few of the consumers have their share on the way at the same time, and a broker
 * that may send only part of what it read reads the rest again. An active consumer is sent all that was read for it.
 */
const GENEROSITY = 2;

/** Budgets that messages may take, before a consumer that brings still more is given up: a fifth of the memory limit. */
const MOST_BUDGETS = 8;

/** An entry that did not come for so long may not be there. */
const CLAIM_MS = 1_000;

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
  clock: Pick<Clock, "now" | "timer">,
): Permits {
  const accounts = new Set<PermitAccount>();
  /** Entries that were asked for by consumers of which memory has not one each, and when, by `Clock.now()`. */
  const claims = new Map<PermitAccount, { readonly bytes: number; readonly at: number }>();
  const total = budget.free;
  const most = (MOST_BUDGETS - 1) * total;
  const free = (): number => budget.free + waiting.bytes;
  let stopped = false;
  let short = false;
  let scheduled = false;
  let again: Timer | null = null;

  /** `room` is what those may ask for of which memory has not an entry each. Returns what such a one asked for. */
  const topUp = (account: PermitAccount, room: () => number): number => {
    if (stopped || !accounts.has(account)) return 0;
    const { bytesPerPermit, perEntry, outstanding } = account;
    const size = bytesPerPermit ?? FIRST_BYTES_PER_PERMIT;
    const target = permitTarget(free(), accounts.size, perEntry ? GENEROSITY * size : size, queueSize);
    if (target < queueSize) short = true;
    if (target === 0 || outstanding * 2 > target) return 0;
    const single = perEntry && target === 1;
    if (single && room() <= 0) {
      lookAgain();
      return 0;
    }
    account.outstanding = target;
    account.grant(target - outstanding);
    if (!single) return 0;
    claims.set(account, { bytes: size, at: clock.now() });
    return size;
  };

  /** What is free and not on its way. With nothing taken nothing will come back, and what is on its way may not come. */
  const unclaimed = (): number => {
    let bytes = free();
    if (bytes >= total) return bytes;
    const now = clock.now();
    for (const [account, claim] of claims) {
      if (now - claim.at > CLAIM_MS) claims.delete(account);
      else bytes -= claim.bytes;
    }
    return bytes;
  };

  /** What others were granted may not come, and then nothing is given back that would bring the next turn. */
  const lookAgain = (): void => {
    again ??= clock.timer(CLAIM_MS + 1, () => {
      again = null;
      if (!stopped) share();
    });
  };

  /** What was given back is asked for once: where it is less than an entry of each, by those whose turn it is. */
  const share = (): void => {
    short = false;
    let room = unclaimed();
    for (const account of [...accounts]) {
      const asked = topUp(account, () => room);
      if (asked === 0) continue;
      room -= asked;
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
      topUp(account, () => Number.POSITIVE_INFINITY);
    },
    close(account) {
      accounts.delete(account);
      claims.delete(account);
    },
    received(account, permits, bytes) {
      claims.delete(account);
      account.outstanding -= permits;
      if (bytes === 0) return;
      const sample = account.perEntry ? bytes : bytes / permits;
      const known = account.bytesPerPermit ?? sample;
      account.bytesPerPermit = Math.max(1, sample > known ? sample : known + (sample - known) / 8);
    },
    get overdrawn() {
      return free() < -most;
    },
    mayReceive: (account) => account.outstanding > 0 && free() > 0,
    topUp: (account) => void topUp(account, unclaimed),
    stop() {
      stopped = true;
      again?.cancel();
    },
  };
}
