/** A record while it is filled: an aggregate once it holds two messages. */
import { type AggregateBuilder, createAggregateBuilder } from "../../sink/aggregate.ts";
import type { OutboundRecord } from "../requests/batch.ts";
import { type Aggregate, aggregateOf, type ShardSlot } from "./aggregate.ts";

export interface OpenAggregate<I extends OutboundRecord> {
  readonly userRecords: readonly I[];
  /** The first message always does. */
  fits(item: I): boolean;
  add(item: I): void;
  /** To be called with one message at least. */
  close(slot: ShardSlot, version: number): I | Aggregate<I>;
}

/** @param most bytes of the aggregate */
export function createOpenAggregate<I extends OutboundRecord>(most: number): OpenAggregate<I> {
  const userRecords: I[] = [];
  // A message that stays without company needs none.
  let builder: AggregateBuilder | null = null;
  const started = (): AggregateBuilder => {
    if (builder !== null) return builder;
    builder = createAggregateBuilder();
    for (const { partitionKey, dataBytes } of userRecords) builder.add(partitionKey, dataBytes);
    return builder;
  };
  return {
    userRecords,
    fits: ({ partitionKey, dataBytes }) =>
      userRecords.length === 0 || started().sizeWith(partitionKey, dataBytes) <= most,
    add: (item) => {
      builder?.add(item.partitionKey, item.dataBytes);
      userRecords.push(item);
    },
    close: (slot, version) => {
      const [lone] = userRecords;
      if (lone !== undefined && userRecords.length === 1) return lone;
      return aggregateOf(started(), userRecords, slot, version);
    },
  };
}
