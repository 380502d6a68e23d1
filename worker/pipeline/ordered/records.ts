/** What the ordered pipeline sends: messages of lanes, alone or together. */

import type { Aggregate } from "../shards/aggregate.ts";
import type { OrderedAssignment } from "./assignment.ts";
import { mayWrite } from "./fencing.ts";
import type { Lane, OrderedUserRecord } from "./lane.ts";

/** What is sent: a message, or an aggregate of messages. */
export type OrderedRecord = OrderedUserRecord | Aggregate<OrderedUserRecord>;

/** What waits to be sent: a lane whose head is next, or an aggregate that is to be sent again. */
export type Waiting = Lane | Aggregate<OrderedUserRecord>;

export function withdrawn(item: OrderedUserRecord): boolean {
  return item.ordinal >= item.partition.cut;
}

export function mayWriteAll({ userRecords }: Aggregate<OrderedUserRecord>, now: number): boolean {
  return userRecords.every((item) => !withdrawn(item) && mayWrite(item.partition.assignment, now));
}

export function keyOf(waiting: Waiting): string {
  return waiting.userRecords === null ? waiting.key : (waiting.userRecords[0]?.partitionKey ?? "");
}

/** Each lane once: the messages of a lane follow one another. */
export function lanesOf({ userRecords }: Aggregate<OrderedUserRecord>): Lane[] {
  const lanes: Lane[] = [];
  for (const { lane } of userRecords) if (lane !== lanes.at(-1)) lanes.push(lane);
  return lanes;
}

export function countOf({ userRecords }: Aggregate<OrderedUserRecord>, lane: Lane): number {
  let count = 0;
  for (const item of userRecords) if (item.lane === lane) count += 1;
  return count;
}

/** The lane's head no longer holds its shard's slot. */
export function release(lane: Lane): void {
  if (lane.slot === null) return;
  lane.slot.inFlight -= 1;
  lane.slot = null;
}

export function carries(record: OrderedRecord, partition: OrderedAssignment): boolean {
  if (record.userRecords === null) return record.partition === partition;
  return record.userRecords.some((item) => item.partition === partition);
}
