import type { Assignment, ReceiveBudget } from "../source/source.ts";
import type { PipelineState } from "./pipeline.ts";
import { AssignmentShare, type Group, type GroupUsage, type Share, type ShareOwner } from "./share.ts";
import { partOf, toGiveBack, untriedRoom, windowOf } from "./shares.ts";
import { Trials } from "./trials.ts";

/** The pipeline's side of the receive budget: the source takes, the pipeline releases. */
export interface Budget extends ReceiveBudget {
  /** Bytes; above `total` after a delivery that was larger than expected. */
  readonly used: number;
  /** Half of the budget is used, or half of what an assignment may hold that moves. */
  readonly isHalfUsed: boolean;
  shareOf(assignment: Assignment): Share;
  /** The assignment is this worker's from now on; its share holds nothing. */
  begin(assignment: Assignment): Share;
  /** It ended, and its share holds nothing any more. */
  end(assignment: Assignment): void;
  /** Tells the source of what was given back by `Share.take`. */
  gaveBack(): void;
  /**
   * To be called again and again: finds what does not move.
   * @param now `Clock.now()`
   * @param stands the stream takes nothing, so that time says nothing of a topic-partition
   * @param stuckAfterMs after which it counts as stuck
   * @returns those that are to give back what they hold
   */
  look(now: number, stands: boolean, stuckAfterMs: number): readonly Share[];
  /**
   * The topic-partition is given up for a while: how long, milliseconds. It comes back on trial.
   * @param why it did not move; null: not known
   */
  giveBack(share: Share, now: number, why: string | null): number;
  report(): SharesReport;
}

export type SharesReport = Pick<PipelineState, "stuckPartitions" | "heldBackPartitions" | "heldBack" | "givenBack">;

/** @param total bytes that received messages may retain; at least 1 */
export function createBudget(total: number): Budget {
  if (!(total >= 1)) throw new RangeError(`the receive budget must be at least 1 byte, not ${total}`);
  return new SharedBudget(total);
}

class SharedBudget implements Budget, ShareOwner {
  readonly total: number;
  readonly #shares = new WeakMap<Assignment, AssignmentShare>();
  /** Of what is this worker's. */
  readonly #assigned = new Set<AssignmentShare>();
  readonly #holders = new Set<AssignmentShare>();
  readonly #groups: Readonly<Record<Group, GroupUsage>> = {
    moving: { bytes: 0, holders: 0 },
    untried: { bytes: 0, holders: 0 },
    stuck: { bytes: 0, holders: 0 },
  };
  /** Those that move and hold more than half of their part. */
  readonly #halfFull = new Set<AssignmentShare>();
  readonly #trials = new Trials();
  #used = 0;
  #givenBack = 0;
  #lookedAt: number | null = null;
  #listener: (() => void) | null = null;

  constructor(total: number) {
    this.total = total;
  }

  get used(): number {
    return this.#used;
  }

  get free(): number {
    return this.total - this.#used;
  }

  get untriedRoom(): number {
    return untriedRoom(this.total, this.#groups.stuck.bytes) - this.#groups.untried.bytes;
  }

  get isHalfUsed(): boolean {
    const { stuck, untried } = this.#groups;
    if (this.#used * 2 > this.total || this.#halfFull.size > 0) return true;
    return this.isShared && untried.bytes * 2 > untriedRoom(this.total, stuck.bytes);
  }

  get isShared(): boolean {
    return this.#assigned.size > 1;
  }

  get part(): number {
    const { total } = this;
    const { stuck, moving } = this.#groups;
    return partOf({
      ...{ total, stuckBytes: stuck.bytes, moving: moving.holders },
      ...{ assigned: this.#assigned.size, stuck: stuck.holders },
    });
  }

  shareOf(assignment: Assignment): AssignmentShare {
    let share = this.#shares.get(assignment);
    if (share === undefined) {
      share = new AssignmentShare(assignment, this, this.#groups.untried);
      this.#shares.set(assignment, share);
    }
    return share;
  }

  begin(assignment: Assignment): Share {
    const share = this.shareOf(assignment);
    this.#assigned.add(share);
    share.isOnTrial = this.#trials.begin(assignment);
    return share;
  }

  end(assignment: Assignment): void {
    this.#assigned.delete(this.shareOf(assignment));
  }

  onRelease(listener: () => void): void {
    this.#listener = listener;
  }

  gaveBack(): void {
    this.#listener?.();
  }

  look(now: number, stands: boolean, stuckAfterMs: number): readonly Share[] {
    const passed = stands || this.#lookedAt === null ? 0 : now - this.#lookedAt;
    this.#lookedAt = now;
    for (const share of this.#assigned) {
      const isStuck = share.looked(now, passed) >= stuckAfterMs;
      this.regroup(share, isStuck ? "stuck" : share.groupNow);
      share.halfOfPart = share.group === "moving" ? share.part / 2 : Number.POSITIVE_INFINITY;
      this.#noteHalfFull(share);
    }
    this.#trials.sweep(now);
    // What was withheld for what is stuck or moves now is asked for.
    this.gaveBack();
    const stuck = [...this.#holders].filter(({ isStuck }) => isStuck);
    // Alone it holds up nobody.
    return this.isShared ? toGiveBack(stuck, this.total) : [];
  }

  giveBack({ assignment: { topic } }: Share, now: number, why: string | null): number {
    this.#givenBack += 1;
    return this.#trials.add(topic, now, why);
  }

  report(): SharesReport {
    const { count: heldBackPartitions, first: heldBack } = this.#trials;
    const topics = new Set(this.#trials.topics);
    for (const { isStuck, assignment } of this.#holders) if (isStuck) topics.add(assignment.topic);
    return { stuckPartitions: topics.size, heldBackPartitions, heldBack, givenBack: this.#givenBack };
  }

  changed(share: AssignmentShare, bytes: number): void {
    this.#used += bytes;
    const { usage } = share;
    const isHolder = share.held > 0;
    if (isHolder === share.isHolder) {
      if (isHolder) usage.bytes += bytes;
    } else if (isHolder) {
      this.#holders.add(share);
      usage.holders += 1;
      usage.bytes += share.held;
    } else {
      this.#holders.delete(share);
      usage.holders -= 1;
      usage.bytes += bytes - share.held;
    }
    share.isHolder = isHolder;
    if (!isHolder) share.restart();
    this.#noteHalfFull(share);
  }

  windowOf(given: number): number {
    return windowOf({ total: this.total, assigned: this.#assigned.size }, given);
  }

  regroup(share: AssignmentShare, group: Group): void {
    if (group === share.group) return;
    const to = this.#groups[group];
    if (share.isHolder) {
      share.usage.bytes -= share.held;
      share.usage.holders -= 1;
      to.bytes += share.held;
      to.holders += 1;
    }
    share.group = group;
    share.usage = to;
  }

  trialOver({ assignment: { topic } }: Share): void {
    this.#trials.over(topic);
  }

  #noteHalfFull(share: AssignmentShare): void {
    const isHalfFull = share.held > share.halfOfPart;
    if (isHalfFull === share.isHalfFull) return;
    share.isHalfFull = isHalfFull;
    if (isHalfFull) this.#halfFull.add(share);
    else this.#halfFull.delete(share);
  }
}
