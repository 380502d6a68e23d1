import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { BudgetShare, ReceiveBudget } from "../source.ts";
import type { Incomplete, Room } from "./incomplete.ts";
import { isFull, noteAcknowledged, noteReceived, type PermitAccount } from "./permit-account.ts";
import { allowance, permitTarget } from "./permit-target.ts";

/** Assumed until the first entry of a topic-partition was seen: the largest that brokers take by default. */
const FIRST_BYTES_PER_PERMIT = 5 * 1024 * 1024;

/** Budgets that messages may take, before a consumer that brings still more is given up: a fifth of the memory limit. */
const MOST_BUDGETS = 8;

/** An entry that did not come for so long may not be there. */
const CLAIM_MS = 1_000;

export interface Permits extends Room {
  /** @param share of the consumer's assignment */
  open(account: PermitAccount, share: BudgetShare): void;
  close(account: PermitAccount): void;
  /** An entry that counts as `permits` messages arrived and takes `bytes`. */
  received(account: PermitAccount, permits: number, bytes: number): void;
  /** An entry that counts as `messages` was acknowledged by itself. */
  acknowledged(account: PermitAccount, messages: number): void;
  /** True when far more came than was asked for, since messages grew: nothing more should be taken in. */
  readonly overdrawn: boolean;
  /** False while the account may be sent nothing, or more was taken than there is. */
  mayReceive(account: PermitAccount): boolean;
  /** Grants what is due to the account now. */
  topUp(account: PermitAccount): void;
  /** Grants nothing any more. */
  stop(): void;
}

/**
 * Shares the free budget among the consumers, as permits. Several grants are made one: a frame per half of the target. Where
 * memory is less than an entry of each, or a topic-partition holds its part, one entry each is asked for, in turn.
 * `waiting` does not count, or what waits for its rest would never get it.
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

interface Claim {
  readonly bytes: number;
  readonly isMoving: boolean;
  /** `Clock.now()` */
  readonly at: number;
}

/** Bytes that single entries may be asked for. Those of which nothing was done lately take from a part of it. */
interface TurnRoom {
  all: number;
  untried: number;
}

const EVERYTHING: TurnRoom = { all: Number.POSITIVE_INFINITY, untried: Number.POSITIVE_INFINITY };

class SharedPermits implements Permits {
  readonly #budget: ReceiveBudget;
  readonly #queueSize: number;
  readonly #waiting: Incomplete;
  readonly #clock: Pick<Clock, "now" | "timer">;
  /** In the order of their turns. */
  readonly #accounts = new Map<PermitAccount, BudgetShare>();
  /** Entries that were asked for by consumers of which memory has not one each. */
  readonly #claims = new Map<PermitAccount, Claim>();
  /** Those that move and wait for their turn: nobody who has just got an entry may take the next one before them. */
  readonly #queue = new Set<PermitAccount>();
  /** What all were granted and did not get, bytes. */
  #promised = 0;
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
  }

  get overdrawn(): boolean {
    return this.#free() < -(MOST_BUDGETS - 1) * this.#budget.total;
  }

  open(account: PermitAccount, share: BudgetShare): void {
    this.#accounts.set(account, share);
    account.grantedAt = -1;
    this.#promise(account);
    // How much the first entry takes nobody knows; what comes back takes its turn.
    this.#topUp(account, account.bytesPerEntry === null ? { ...EVERYTHING } : null);
  }

  close(account: PermitAccount): void {
    if (!this.#accounts.delete(account)) return;
    this.#claims.delete(account);
    this.#queue.delete(account);
    this.#promised -= account.promised;
    account.promised = 0;
  }

  received(account: PermitAccount, permits: number, bytes: number): void {
    this.#claims.delete(account);
    noteReceived(account, permits, bytes);
    if (this.#accounts.has(account)) this.#promise(account);
  }

  acknowledged(account: PermitAccount, messages: number): void {
    noteAcknowledged(account, messages);
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
    if (this.#short || this.#listeners.size > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
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

  /** @param room for single entries, of which what is asked for is taken; null: what is unclaimed, if nobody waits */
  #topUp(account: PermitAccount, room: TurnRoom | null): boolean {
    const share = this.#accounts.get(account);
    if (this.#stopped || share === undefined) return false;
    const target = this.#target(account, share);
    if (target < this.#queueSize) this.#short = true;
    if (target === 0 || account.outstanding * 2 > target) return false;
    const single = target === 1;
    if (single && !this.#isItsTurn(account, share, room)) return false;
    this.#queue.delete(account);
    const { outstanding } = account;
    account.outstanding = target;
    this.#promise(account);
    account.grant(target - outstanding);
    if (single) this.#claim(account, share, room);
    return single;
  }

  #claim(account: PermitAccount, { progress, isMoving }: BudgetShare, room: TurnRoom | null): void {
    const bytes = account.bytesPerEntry ?? FIRST_BYTES_PER_PERMIT;
    account.grantedAt = progress;
    this.#claims.set(account, { bytes, isMoving, at: this.#clock.now() });
    if (room === null) return;
    room.all -= bytes;
    if (!isMoving) room.untried -= bytes;
  }

  /** Whether it may have a single entry now; else it waits for its turn. */
  #isItsTurn(account: PermitAccount, { isMoving, isOnTrial }: BudgetShare, room: TurnRoom | null): boolean {
    const others = this.#queue.size - Number(this.#queue.has(account));
    const { all, untried } = room ?? this.#unclaimed();
    if (room === null && (isOnTrial || (isMoving && others > 0))) this.#schedule();
    else if ((isMoving ? all : untried) > 0) return true;
    else this.#lookAgain();
    if (isMoving) this.#queue.add(account);
    return false;
  }

  /** Permits that the account should have outstanding. */
  #target(account: PermitAccount, share: BudgetShare): number {
    if (isFull(account)) return 0;
    const free = this.#free();
    const held = share.held - share.unfinished;
    const promised = this.#promised - account.promised;
    const { perEntry, bytesPerPermit } = account;
    const { part, isMoving } = share;
    const bytes = allowance({ free, consumers: this.#accounts.size, promised, part, held, isMoving, perEntry });
    const permit = bytesPerPermit ?? FIRST_BYTES_PER_PERMIT;
    const receivable = Math.max(1, Math.floor(account.receivable() / this.#accounts.size / permit));
    const affordable = permitTarget(bytes, permit, account.bytesPerEntry ?? permit, this.#queueSize);
    const target = Math.min(affordable, receivable);
    if (target > 0 || free <= 0 || share.isStuck) return target;
    // Else a message larger than its part would never come, nor what lies behind one that was set aside.
    return held <= 0 || share.progress !== account.grantedAt ? 1 : 0;
  }

  /** Counts what the account may be sent. */
  #promise(account: PermitAccount): void {
    const bytes = Math.max(0, account.outstanding) * (account.bytesPerPermit ?? 0);
    this.#promised += bytes - account.promised;
    account.promised = bytes;
  }

  /** What is free and not on its way. With nothing taken nothing will come back, and what is on its way may not come. */
  #unclaimed(): TurnRoom {
    const room = { all: this.#free(), untried: this.#budget.untriedRoom };
    if (room.all >= this.#budget.total) return room;
    const now = this.#clock.now();
    for (const [account, { bytes, isMoving, at }] of this.#claims) {
      if (now - at > CLAIM_MS) this.#claims.delete(account);
      else {
        room.all -= bytes;
        if (!isMoving) room.untried -= bytes;
      }
    }
    return room;
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
    const room = this.#unclaimed();
    const accounts = [...this.#accounts];
    for (const [account, share] of accounts) if (!share.isOnTrial) this.#takeTurn(account, share, room);
    for (const [account, share] of accounts) if (share.isOnTrial) this.#takeTurn(account, share, room);
  }

  /** Who gets an entry goes to the end. */
  #takeTurn(account: PermitAccount, share: BudgetShare, room: TurnRoom): void {
    if (!this.#topUp(account, room)) return;
    this.#accounts.delete(account);
    this.#accounts.set(account, share);
  }
}
