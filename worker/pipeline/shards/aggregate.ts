/** An aggregate on its way: user records of many keys that travel as one Kinesis record. */
import { type AggregateBuilder, aggregateRecord } from "../../sink/aggregate.ts";
import type { OutboundRecord } from "../requests/batch.ts";

/** Room for records of one predicted shard: while one of them is in flight, the next one fills. */
export interface ShardSlot {
  /** Null: the shard is not known. */
  readonly shardId: string | null;
  /** Records in flight that hold it. */
  inFlight: number;
}

export interface Aggregate<I extends OutboundRecord> extends OutboundRecord {
  /** In the order in which a consumer reads them. */
  readonly userRecords: readonly I[];
  readonly slot: ShardSlot;
  /** The version of the shards by which it was packed. */
  readonly version: number;
  /** `Clock.now()` at which it was last sent. */
  sentAt: number;
  /** Failed attempts. */
  attempt: number;
}

export function aggregateOf<I extends OutboundRecord>(
  builder: AggregateBuilder,
  userRecords: readonly I[],
  slot: ShardSlot,
  version: number,
): Aggregate<I> {
  const record = aggregateRecord(builder, userRecords);
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
    userRecords,
    slot,
    version,
    sentAt: 0,
    attempt: 0,
  };
}

/** The aggregate's own partition key is one ASCII letter. */
export const AGGREGATE_KEY_BYTES = 1;

/** False when a consumer of the shard where the aggregate landed drops it. */
export function landedInside<I extends OutboundRecord>(
  ready: Ranges,
  { slot, userRecords }: Aggregate<I>,
  shardId: string,
): boolean {
  if (slot.shardId === shardId) return true;
  return userRecords.every(({ partitionKey }) => ready.contains(shardId, partitionKey));
}

interface Ranges {
  contains(shardId: string, partitionKey: string): boolean;
}
