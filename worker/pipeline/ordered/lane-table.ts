/** The lanes of all topic-partitions, for as long as they are worth their memory. */
import type { OrderedAssignment } from "./assignment.ts";
import { Lane } from "./lane.ts";

/**
 * Idle lanes are kept, for their sequence numbers and because making them costs, until there are so many. An idle lane
 * has nothing in flight, so that to forget it spares the next record of its key one check, and breaks no order.
 */
const SWEEP_AT = 16_384;

export class LaneTable {
  /** By partition key. The same key of another topic-partition is a sequence of its own, so it has a lane of its own. */
  readonly #lanes = new Map<OrderedAssignment, Map<string, Lane>>();
  #count = 0;
  #sweepAt = SWEEP_AT;

  laneOf(assignment: OrderedAssignment, key: string): Lane {
    let lanes = this.#lanes.get(assignment);
    const known = lanes?.get(key);
    if (known !== undefined) return known;
    if (this.#count >= this.#sweepAt) this.#sweep();
    if (lanes === undefined) {
      lanes = new Map();
      this.#lanes.set(assignment, lanes);
    }
    const lane = new Lane(assignment, key);
    lanes.set(key, lane);
    this.#count += 1;
    return lane;
  }

  of(assignment: OrderedAssignment): Iterable<Lane> {
    return this.#lanes.get(assignment)?.values() ?? [];
  }

  forget(assignment: OrderedAssignment): void {
    this.#count -= this.#lanes.get(assignment)?.size ?? 0;
    this.#lanes.delete(assignment);
  }

  #sweep(): void {
    this.#count = 0;
    for (const lanes of this.#lanes.values()) {
      for (const [key, lane] of lanes) {
        if (lane.turn === "idle" && lane.head === null) lanes.delete(key);
      }
      this.#count += lanes.size;
    }
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#count);
  }
}
