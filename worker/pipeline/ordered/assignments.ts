/** The topic-partitions that are this worker's, and what of them is not taken into lanes yet. */
import type { Assignment, Delivery } from "../../source/source.ts";
import type { Budget } from "../budget.ts";
import { type Counters, oldestPublishTime } from "../counters.ts";
import { undoneSince } from "../intake/checkpoint.ts";
import type { Share } from "../share.ts";
import { OrderedAssignment } from "./assignment.ts";

export class OrderedAssignments {
  readonly #counters: Counters;
  readonly #budget: Budget;
  readonly #assignments = new Map<Assignment, OrderedAssignment>();

  constructor(counters: Counters, budget: Budget) {
    this.#counters = counters;
    this.#budget = budget;
  }

  get isIdle(): boolean {
    for (const assignment of this.#assignments.values()) if (!assignment.isIdle) return false;
    return true;
  }

  /** Epoch milliseconds; null when nothing is pending. */
  get oldestPublishTime(): number | null {
    return oldestPublishTime([...this.#assignments.values()].map((assignment) => assignment.oldestPublishTime));
  }

  add(given: Assignment): OrderedAssignment {
    const assignment = new OrderedAssignment(given, this.#budget.begin(given));
    this.#assignments.set(given, assignment);
    return assignment;
  }

  all(): Iterable<OrderedAssignment> {
    return this.#assignments.values();
  }

  of(given: Assignment): OrderedAssignment | undefined {
    return this.#assignments.get(given);
  }

  remove(assignment: OrderedAssignment): void {
    this.#assignments.delete(assignment.given);
  }

  /** Messages not done of deliveries that were received before `time`. */
  overdue(time: number): number {
    let count = 0;
    for (const { checkpoint } of this.#assignments.values()) count += undoneSince(checkpoint, time);
    return count;
  }

  dropAllWaiting(): void {
    for (const assignment of this.#assignments.values()) this.dropWaiting(assignment);
  }

  dropWaiting(assignment: OrderedAssignment): void {
    const waiting = [...assignment.waiting];
    assignment.preparing = false;
    assignment.waiting.clear();
    this.drop(assignment.share, waiting);
  }

  /** The deliveries come again, here or elsewhere. */
  drop(share: Share, deliveries: readonly Delivery[]): void {
    let bytes = 0;
    for (const { retainedBytes, messages } of deliveries) {
      bytes += retainedBytes;
      this.#counters.pending -= messages.length;
    }
    share.release(bytes);
  }
}
