/** A record while it is filled: an aggregate once it holds two user records. */
import { type AggregateBuilder, createAggregateBuilder } from "../../sink/aggregate.ts";
import { Aggregate, type Collected } from "./aggregate.ts";
import type { ShardSlot } from "./shard-slot.ts";
import type { UserRecord } from "./user-record.ts";

export interface OpenAggregate<U extends UserRecord<U>> {
  /** The first user record always does. */
  fits(record: U): boolean;
  add(record: U): void;
  /** To be called with one user record at least. */
  close(slot: ShardSlot, version: number): Collected<U>;
}

/** @param most bytes of the aggregate */
export function createOpenAggregate<U extends UserRecord<U>>(most: number): OpenAggregate<U> {
  const userRecords: U[] = [];
  // A user record that stays the only one needs none.
  let builder: AggregateBuilder | null = null;
  const started = (): AggregateBuilder => {
    if (builder !== null) return builder;
    builder = createAggregateBuilder();
    for (const { partitionKey, dataBytes } of userRecords) builder.add(partitionKey, dataBytes);
    return builder;
  };
  return {
    fits: ({ partitionKey, dataBytes }) =>
      userRecords.length === 0 || started().sizeWith(partitionKey, dataBytes) <= most,
    add: (record) => {
      builder?.add(record.partitionKey, record.dataBytes);
      record.travelAsIs();
      userRecords.push(record);
    },
    close: (slot, version) => {
      const [only] = userRecords;
      if (only !== undefined && userRecords.length === 1) {
        only.travelAlone();
        return only;
      }
      return new Aggregate(started(), userRecords, slot, version);
    },
  };
}
