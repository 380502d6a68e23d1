/** What one assignment holds of the budget, and how it moves. */
import type { Assignment, BudgetShare } from "../source/source.ts";
import type { StuckHolder } from "./shares.ts";

/** The pipeline's side of a share. */
export interface Share extends BudgetShare, StuckHolder {
  readonly assignment: Assignment;
  /** `Clock.now()` before which it need not move. */
  movesFrom: number;
  /** A message of it is done. */
  moved(): void;
  /** A message of it is set aside and what follows may pass, unless memory is short. */
  passed(): void;
  /** Gives back, and tells the source. */
  release(bytes: number): void;
}

/** Moving: something of it is done all the time. Untried: not so, or not yet. */
export type Group = "moving" | "untried" | "stuck";

/** What the holders of one group hold together. */
export interface GroupUsage {
  bytes: number;
  holders: number;
}

/** What a share asks of its budget, and tells it. */
export interface ShareOwner {
  readonly total: number;
  readonly free: number;
  readonly untriedRoom: number;
  /** Several share it. */
  readonly isShared: boolean;
  /** Of one that moves. */
  readonly part: number;
  /** @param given bytes that were given back in the last second or two */
  windowOf(given: number): number;
  gaveBack(): void;
  /** The share changed by so many bytes. */
  changed(share: AssignmentShare, bytes: number): void;
  regroup(share: AssignmentShare, group: Group): void;
  trialOver(share: Share): void;
}

export class AssignmentShare implements Share {
  readonly assignment: Assignment;
  readonly #budget: ShareOwner;
  held = 0;
  unfinished = 0;
  progress = 0;
  movesFrom = 0;
  stillMs = 0;
  group: Group = "untried";
  /** Of its group. */
  usage: GroupUsage;
  isOnTrial = false;
  isHolder = false;
  /** Bytes, as of the last look: where it moves, whoever waits for others of a shard would hold it up beyond. */
  halfOfPart = Number.POSITIVE_INFINITY;
  isHalfFull = false;
  /** Bytes given back since the last look, and between the two before. */
  #given = 0;
  #givenBefore = 0;
  /** `progress` at the last look. */
  #seen = 0;
  /** It did not hold anything at the last look. */
  #isNew = true;
  /** How many looks in a row found that something had been done. */
  #streak = 0;

  /** @param untried what such ones use */
  constructor(assignment: Assignment, budget: ShareOwner, untried: GroupUsage) {
    this.usage = untried;
    this.assignment = assignment;
    this.#budget = budget;
  }

  get isStuck(): boolean {
    return this.group === "stuck";
  }

  get isMoving(): boolean {
    return this.#streak + Number(this.progress !== this.#seen) >= 2;
  }

  get groupNow(): Group {
    return this.isMoving ? "moving" : "untried";
  }

  get part(): number {
    const budget = this.#budget;
    if (this.isStuck || this.isOnTrial) return 0;
    if (!budget.isShared) return budget.part;
    if (!this.isMoving) return this.held + Math.max(0, budget.untriedRoom);
    return Math.min(budget.part, budget.windowOf(this.#given + this.#givenBefore));
  }

  moved(): void {
    this.#goOn();
    if (!this.isOnTrial) return;
    this.isOnTrial = false;
    this.#budget.trialOver(this);
  }

  passed(): void {
    if (this.#budget.free * 2 >= this.#budget.total) this.#goOn();
  }

  take(bytes: number): void {
    if (bytes === 0) return;
    if (bytes < 0) this.#given -= bytes;
    this.held += bytes;
    this.#budget.changed(this, bytes);
  }

  release(bytes: number): void {
    if (bytes === 0) return;
    this.take(-bytes);
    this.#budget.gaveBack();
  }

  /** @returns how long nothing of what it holds was done, milliseconds @param passed since the last look */
  looked(now: number, passed: number): number {
    const hasMoved = this.progress !== this.#seen;
    this.#streak = hasMoved ? this.#streak + 1 : 0;
    this.#seen = this.progress;
    this.#givenBefore = this.#given;
    this.#given = 0;
    const mayRest = this.#isNew || this.held <= this.unfinished || now < this.movesFrom;
    this.stillMs = hasMoved || mayRest ? 0 : this.stillMs + passed;
    this.#isNew = false;
    return this.stillMs;
  }

  /** It holds nothing any more. */
  restart(): void {
    this.#isNew = true;
    this.stillMs = 0;
    if (this.isStuck) this.#budget.regroup(this, this.groupNow);
  }

  #goOn(): void {
    this.progress += 1;
    if (this.isStuck || (this.group === "untried" && this.isMoving)) this.#budget.regroup(this, this.groupNow);
  }
}
