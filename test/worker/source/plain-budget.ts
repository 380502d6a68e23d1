import type { Assignment, BudgetShare, ReceiveBudget } from "../../../worker/source/source.ts";

/** A budget that a test gives back to by hand: everyone may hold all of it, and nothing is ever stuck. */
export interface PlainBudget extends ReceiveBudget {
  /** Gives back of whoever holds something. */
  giveBack(bytes: number): void;
}

class PlainShare implements BudgetShare {
  held = 0;
  unfinished = 0;
  progress = 0;
  readonly part = Number.POSITIVE_INFINITY;
  readonly isMoving = true;
  readonly isOnTrial = false;
  readonly isStuck = false;
  readonly #onTaken: (bytes: number) => void;

  constructor(onTaken: (bytes: number) => void) {
    this.#onTaken = onTaken;
  }

  take(bytes: number): void {
    this.held += bytes;
    this.#onTaken(bytes);
  }
}

export function plainBudget(total: number): PlainBudget {
  const shares = new Map<Assignment, PlainShare>();
  let free = total;
  let listener = (): void => undefined;
  return {
    total,
    get free() {
      return free;
    },
    get untriedRoom() {
      return free;
    },
    shareOf(assignment) {
      let share = shares.get(assignment);
      if (share === undefined) {
        share = new PlainShare((bytes) => {
          free -= bytes;
        });
        shares.set(assignment, share);
      }
      return share;
    },
    onRelease(callback) {
      listener = callback;
    },
    giveBack(bytes) {
      free += bytes;
      let left = bytes;
      for (const share of shares.values()) {
        const own = Math.min(left, Math.max(0, share.held));
        share.held -= own;
        share.progress += 1;
        left -= own;
      }
      listener();
    },
  };
}
