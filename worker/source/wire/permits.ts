import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { ReceiveBudget } from "../source.ts";
import type { Incomplete, Room } from "./incomplete.ts";

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
  /** Bytes that may be on their way on its connection, for all consumers; Infinity: any number. */
  readonly receivable: () => number;
  /** A broker sends its one active consumer an entry for each permit, however many messages that holds. */
  readonly perEntry: boolean;
  grant(permits: number): void;
}

export interface Permits extends Room {
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
  receivable: () => number = () => Number.POSITIVE_INFINITY,
): PermitAccount {
  return { outstanding: 0, bytesPerPermit, receivable, perEntry, grant };
}

/**
 * How many messages a consumer should have outstanding: its share of twice the free budget, at most `queueSize`. One is always
 * admitted while anything is free, or a message larger than the share would never come.
 */
export function permitTarget(free: number, consumers: number, bytesPerPermit: number, queueSize: number): number {
  if (free <= 0) return 0;
  const affordable = Math.floor((GENEROSITY * free) / consumers / bytesPerPermit);
  return Math.min(queueSize, Math.max(1, affordable));
}

/** What a permit brings, after an entry of `bytes` that counted as `permits`: larger ones count at once, smaller ones slowly. */
function nextBytesPerPermit({ bytesPerPermit, perEntry }: PermitAccount, permits: number, bytes: number): number {
  const sample = perEntry ? bytes : bytes / Math.max(1, permits);
  const known = bytesPerPermit ?? sample;
  return Math.max(1, sample > known ? sample : known + (sample - known) / 8);
}

/**
 * Shares the free budget among the consumers, as permits. Several grants are made one: a frame per half of the target.
 * Nothing may have been taken of the budget yet. `waiting` does not count, or what waits for its rest would never get it.
 */
export function createPermits(
  budget: ReceiveBudget,
  queueSize: number,
  waiting: Incomplete,
  clock: Pick<Clock, "now" | "timer">,
): Permits {
  const permits = new SharedPermits(budget, queueSize, waiting, clock);
  budget.onRelease(() => permits.gaveBack());
  return permits;
}

class SharedPermits implements Permits {
  readonly #budget: ReceiveBudget;
  readonly #queueSize: number;
  readonly #waiting: Incomplete;
  readonly #clock: Pick<Clock, "now" | "timer">;
  /** Bytes, when nothing is taken. */
  readonly #total: number;
  /** In the order of their turns. */
  readonly #accounts = new Set<PermitAccount>();
  /** Entries that were asked for by consumers of which memory has not one each, and when, by `Clock.now()`. */
  readonly #claims = new Map<PermitAccount, { readonly bytes: number; readonly at: number }>();
  #stopped = false;
  /** Some account was granted less than its queue: what is given back is asked for. */
  #short = false;
  /** The accounts get their turns after this turn of the event loop. */
  #scheduled = false;
  #again: Timer | null = null;
  /** Called once when there is room again. */
  readonly #listeners = new Set<() => void>();

  constructor(budget: ReceiveBudget, queueSize: number, waiting: Incomplete, clock: Pick<Clock, "now" | "timer">) {
    this.#budget = budget;
    this.#queueSize = queueSize;
    this.#waiting = waiting;
    this.#clock = clock;
    this.#total = budget.free;
  }

  get overdrawn(): boolean {
    return this.#free() < -(MOST_BUDGETS - 1) * this.#total;
  }

  open(account: PermitAccount): void {
    this.#accounts.add(account);
    this.#topUp(account, Number.POSITIVE_INFINITY);
  }

  close(account: PermitAccount): void {
    this.#accounts.delete(account);
    this.#claims.delete(account);
  }

  received(account: PermitAccount, permits: number, bytes: number): void {
    this.#claims.delete(account);
    account.outstanding -= permits;
    if (bytes !== 0) account.bytesPerPermit = nextBytesPerPermit(account, permits, bytes);
  }

  mayReceive(account: PermitAccount): boolean {
    return account.outstanding > 0 && this.#free() > 0;
  }

  topUp(account: PermitAccount): void {
    this.#topUp(account, null);
  }

  stop(): void {
    this.#stopped = true;
    this.#again?.cancel();
  }

  get hasRoom(): boolean {
    return this.#free() > 0;
  }

  whenRoom(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Bytes of the budget were given back. */
  gaveBack(): void {
    if ((!this.#short && this.#listeners.size === 0) || this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#short) this.#takeTurns();
      const listeners = [...this.#listeners];
      this.#listeners.clear();
      for (const listener of listeners) listener();
    });
  }

  #free(): number {
    return this.#budget.free + this.#waiting.bytes;
  }

  /**
   * `room` is what those may ask for of which memory has not an entry each, in bytes; null: what is unclaimed. Returns
   * what such a one asked for.
   */
  #topUp(account: PermitAccount, room: number | null): number {
    if (this.#stopped || !this.#accounts.has(account)) return 0;
    const { bytesPerPermit, perEntry, outstanding } = account;
    const size = bytesPerPermit ?? FIRST_BYTES_PER_PERMIT;
    const queueSize = this.#queueSize;
    const consumers = this.#accounts.size;
    const affordable = permitTarget(this.#free(), consumers, perEntry ? GENEROSITY * size : size, queueSize);
    const target = Math.min(affordable, Math.max(1, Math.floor(account.receivable() / consumers / size)));
    if (target < queueSize) this.#short = true;
    if (target === 0 || outstanding * 2 > target) return 0;
    const single = perEntry && target === 1;
    if (single && (room ?? this.#unclaimed()) <= 0) {
      this.#lookAgain();
      return 0;
    }
    account.outstanding = target;
    account.grant(target - outstanding);
    if (!single) return 0;
    this.#claims.set(account, { bytes: size, at: this.#clock.now() });
    return size;
  }

  /** What is free and not on its way. With nothing taken nothing will come back, and what is on its way may not come. */
  #unclaimed(): number {
    let bytes = this.#free();
    if (bytes >= this.#total) return bytes;
    const now = this.#clock.now();
    for (const [account, claim] of this.#claims) {
      if (now - claim.at > CLAIM_MS) this.#claims.delete(account);
      else bytes -= claim.bytes;
    }
    return bytes;
  }

  /** What others were granted may not come, and then nothing is given back that would bring the next turn. */
  #lookAgain(): void {
    this.#again ??= this.#clock.timer(CLAIM_MS + 1, () => {
      this.#again = null;
      if (!this.#stopped) this.#takeTurns();
    });
  }

  /** What was given back is asked for once: where it is less than an entry of each, by those whose turn it is. */
  #takeTurns(): void {
    this.#short = false;
    let room = this.#unclaimed();
    for (const account of [...this.#accounts]) {
      const asked = this.#topUp(account, room);
      if (asked === 0) continue;
      room -= asked;
      this.#accounts.delete(account);
      this.#accounts.add(account);
    }
  }
}
