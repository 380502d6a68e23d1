/** A record while it is filled: an aggregate once it holds two messages. */
import { type AggregateBuilder, createAggregateBuilder } from "../../sink/aggregate.ts";
import type { Outgoing } from "../requests/batch.ts";
import { type Parcel, parcelOf, type Slot } from "./aggregate.ts";

export interface Load<I extends Outgoing> {
  readonly items: readonly I[];
  /** The first message always does. */
  fits(item: I): boolean;
  add(item: I): void;
  /** To be called with one message at least. */
  close(slot: Slot, version: number): I | Parcel<I>;
}

/** @param most bytes of the aggregate */
export function createLoad<I extends Outgoing>(most: number): Load<I> {
  const items: I[] = [];
  // A message that stays without company needs none.
  let builder: AggregateBuilder | null = null;
  const started = (): AggregateBuilder => {
    if (builder !== null) return builder;
    builder = createAggregateBuilder();
    for (const { partitionKey, dataBytes } of items) builder.add(partitionKey, dataBytes);
    return builder;
  };
  return {
    items,
    fits: ({ partitionKey, dataBytes }) => items.length === 0 || started().sizeWith(partitionKey, dataBytes) <= most,
    add: (item) => {
      builder?.add(item.partitionKey, item.dataBytes);
      items.push(item);
    },
    close: (slot, version) => {
      const [lone] = items;
      if (lone !== undefined && items.length === 1) return lone;
      return parcelOf(started(), items, slot, version);
    },
  };
}
