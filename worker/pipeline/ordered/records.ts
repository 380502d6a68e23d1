/** What the ordered pipeline sends: messages of lanes, alone or together. */

import type { Parcel } from "../shards/aggregate.ts";
import { mayWrite } from "./fencing.ts";
import type { Item, Lane } from "./lane.ts";
import type { Partition } from "./partition.ts";

/** What is sent: a message, or an aggregate of messages. */
export type Shipment = Item | Parcel<Item>;

/** What waits to be sent: a lane whose head is next, or an aggregate that is to be sent again. */
export type Waiting = Lane | Parcel<Item>;

export function withdrawn(item: Item): boolean {
  return item.ordinal >= item.partition.cut;
}

export function mayWriteAll({ items }: Parcel<Item>, now: number): boolean {
  return items.every((item) => !withdrawn(item) && mayWrite(item.partition.assignment, now));
}

export function keyOf(waiting: Waiting): string {
  return waiting.items === null ? waiting.key : (waiting.items[0]?.partitionKey ?? "");
}

/** Each lane once: the messages of a lane follow one another. */
export function lanesOf({ items }: Parcel<Item>): Lane[] {
  const lanes: Lane[] = [];
  for (const { lane } of items) if (lane !== lanes.at(-1)) lanes.push(lane);
  return lanes;
}

export function countOf({ items }: Parcel<Item>, lane: Lane): number {
  let count = 0;
  for (const item of items) if (item.lane === lane) count += 1;
  return count;
}

/** The lane's head no longer holds its shard's slot. */
export function release(lane: Lane): void {
  if (lane.slot === null) return;
  lane.slot.inFlight -= 1;
  lane.slot = null;
}

export function carries(record: Shipment, partition: Partition): boolean {
  if (record.items === null) return record.partition === partition;
  return record.items.some((item) => item.partition === partition);
}
