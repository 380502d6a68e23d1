/** What the unordered pipeline keeps of an assignment: its open deliveries, each of whose messages is tracked by itself. */
import type { Assignment, Delivery, Message } from "../../source/source.ts";
import { type OpenDelivery, publishTime, undoneSince } from "../intake/checkpoint.ts";
import type { Share } from "../share.ts";

export interface UnorderedAssignment {
  /** As the source gave it. */
  readonly given: Assignment;
  readonly share: Share;
  /** Deliveries that are not acknowledged, oldest first. */
  readonly open: Set<TrackedDelivery>;
}

export interface TrackedDelivery extends OpenDelivery {
  /** Holds the retained messages alone once `retained` is set. */
  delivery: Delivery;
  /** Null once the assignment ended: nothing of it is written or acknowledged any more. */
  owner: UnorderedAssignment | null;
  /** 1 for each message that is done; null before the first of several is. */
  done: Uint8Array | null;
  /** Set once nothing but poison is left: copies of it by position, and the ids of all messages. */
  retained: ReadonlyMap<number, Message> | null;
  ids: readonly string[] | null;
}

export function createTrackedDelivery(
  delivery: Delivery,
  owner: UnorderedAssignment,
  receivedAt: number,
): TrackedDelivery {
  return {
    delivery,
    receivedAt,
    publishTime: publishTime(delivery),
    remaining: delivery.messages.length,
    bytes: delivery.retainedBytes,
    owner,
    done: null,
    retained: null,
    ids: null,
  };
}

export function messageOf({ retained, delivery }: TrackedDelivery, index: number): Message | undefined {
  return retained === null ? delivery.messages[index] : retained.get(index);
}

/** When the oldest message that is not done was published: epoch milliseconds. */
export function oldest({ open }: UnorderedAssignment): number | undefined {
  for (const { publishTime } of open) return publishTime;
  return undefined;
}

/** Messages not done of deliveries that were received before `time`. */
export function overdue(assignments: Iterable<UnorderedAssignment>, time: number): number {
  let count = 0;
  for (const { open } of assignments) count += undoneSince(open, time);
  return count;
}
