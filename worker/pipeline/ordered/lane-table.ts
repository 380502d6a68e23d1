/** The lanes of all topic-partitions, for as long as they are worth their memory. */

import type { OrderedAssignment } from "./assignment.ts";
import { createLane, type Lane } from "./lane.ts";

/**
 * Idle lanes are kept, for their sequence numbers and because making them costs, until there are so many. An idle lane
 * has nothing in flight, so that to forget it spares the next record of its key one check, and breaks no order.
 */
const SWEEP_AT = 16_384;

export interface KnownLanes {
  laneOf(partition: OrderedAssignment, key: string): Lane;
  forget(partition: OrderedAssignment): void;
}

export function createKnownLanes(): KnownLanes {
  const partitions = new Set<OrderedAssignment>();
  let count = 0;
  let sweepAt = SWEEP_AT;

  const sweep = (): void => {
    count = 0;
    for (const { lanes } of partitions) {
      for (const [key, lane] of lanes) {
        if (!lane.busy && lane.head === null) lanes.delete(key);
      }
      count += lanes.size;
    }
    sweepAt = Math.max(SWEEP_AT, 2 * count);
  };

  return {
    laneOf: (partition, key) => {
      const known = partition.lanes.get(key);
      if (known !== undefined) return known;
      if (count >= sweepAt) sweep();
      const lane = createLane(partition, key);
      partition.lanes.set(key, lane);
      partitions.add(partition);
      count += 1;
      return lane;
    },
    forget: (partition) => {
      if (partitions.delete(partition)) count -= partition.lanes.size;
      partition.lanes.clear();
    },
  };
}
