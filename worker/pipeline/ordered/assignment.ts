/** What the ordered pipeline keeps of one assignment of a topic-partition. */
import type { Assignment, Delivery } from "../../source/source.ts";
import { createFifo, type Fifo } from "../fifo.ts";
import { type Checkpoint, createCheckpoint, undoneSince } from "../intake/checkpoint.ts";
import type { Lane } from "./lane.ts";

export interface OrderedAssignment {
  readonly assignment: Assignment;
  /** `Clock.now()` before which nothing may be written: the previous owner's last requests may still be executed. */
  readonly writableAt: number;
  /** By partition key. The same key of another topic-partition is a sequence of its own, so it has a lane of its own. */
  readonly lanes: Map<string, Lane>;
  readonly checkpoint: Checkpoint;
  /** Deliveries that wait for the hand-over, or behind one whose schemas are being fetched. */
  readonly waiting: Fifo<Delivery>;
  /** The first waiting delivery is being prepared, or is to be prepared later. */
  preparing: boolean;
  nextOrdinal: number;
  /** Messages from this ordinal on are withdrawn: Infinity; the poison's ordinal once stopped; -1 once revoked. */
  cut: number;
  /** Messages in lanes. */
  queued: number;
  /** Finished deliveries may have moved the watermark. */
  dirty: boolean;
}

export function createOrderedAssignment(assignment: Assignment, writableAt: number): OrderedAssignment {
  return {
    assignment,
    writableAt,
    lanes: new Map(),
    checkpoint: createCheckpoint(),
    waiting: createFifo(),
    preparing: false,
    nextOrdinal: 0,
    cut: Number.POSITIVE_INFINITY,
    queued: 0,
    dirty: false,
  };
}

export function isStopped(partition: OrderedAssignment): boolean {
  return partition.cut !== Number.POSITIVE_INFINITY;
}

/** Messages not done of deliveries that were received before `time`. */
export function overdue(partitions: Iterable<OrderedAssignment>, time: number): number {
  let count = 0;
  for (const { checkpoint } of partitions) count += undoneSince(checkpoint, time);
  return count;
}
