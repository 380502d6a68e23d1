/** An aggregate on its way: user records of many keys that travel as one Kinesis record. */
import { type AggregateBuilder, aggregateRecord } from "../../sink/aggregate.ts";
import type { Outgoing } from "../requests/batch.ts";

/** Room for records of one predicted shard: while one of them is in flight, the next one fills. */
export interface Slot {
  /** Null: the shard is not known. */
  readonly shardId: string | null;
  /** Records in flight that hold it. */
  inFlight: number;
}

export interface Parcel<I extends Outgoing> extends Outgoing {
  /** In the order in which a consumer reads them. */
  readonly items: readonly I[];
  readonly slot: Slot;
  /** The version of the shards by which it was packed. */
  readonly version: number;
  /** `Clock.now()` at which it was last sent. */
  sentAt: number;
  /** Failed attempts. */
  attempt: number;
}

export function parcelOf<I extends Outgoing>(
  builder: AggregateBuilder,
  items: readonly I[],
  slot: Slot,
  version: number,
): Parcel<I> {
  const record = aggregateRecord(builder, items);
  return {
    // Written for each request: kept, it would take as much memory again as the messages.
    get data() {
      return record.data;
    },
    made: record.made,
    partitionKey: record.partitionKey,
    explicitHashKey: record.explicitHashKey,
    dataBytes: builder.size,
    bytes: builder.size + AGGREGATE_KEY_BYTES,
    items,
    slot,
    version,
    sentAt: 0,
    attempt: 0,
  };
}

/** The aggregate's own partition key is one ASCII letter. */
export const AGGREGATE_KEY_BYTES = 1;

/** False when a consumer of the shard where the aggregate landed drops it. */
export function landedInside<I extends Outgoing>(ready: Ranges, { slot, items }: Parcel<I>, shardId: string): boolean {
  if (slot.shardId === shardId) return true;
  return items.every(({ partitionKey }) => ready.contains(shardId, partitionKey));
}

interface Ranges {
  contains(shardId: string, partitionKey: string): boolean;
}
