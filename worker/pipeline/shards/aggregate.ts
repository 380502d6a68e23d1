/** An aggregate on its way: user records of many keys that travel as one Kinesis record. */
import { type AggregateBuilder, aggregateRecord } from "../../sink/aggregate.ts";
import type { KinesisRecord, MadeData } from "../../sink/sink.ts";
import { type OutboundRecord, writableUntil } from "../requests/outbound-record.ts";
import type { ShardSlot } from "./shard-slot.ts";
import type { UserRecord } from "./user-record.ts";

/** The aggregate's own partition key is one ASCII letter. */
export const AGGREGATE_KEY_BYTES = 1;

/** What waits in a shard's queue: user records to be packed, or an aggregate that is to be sent again. */
export type Waiting<U extends UserRecord<U>> = U["queued"] | Aggregate<U>;

/** What the collector hands to the sender. */
export type Collected<U extends UserRecord<U>> = U | Aggregate<U>;

export class Aggregate<U extends UserRecord<U>> implements OutboundRecord {
  /** In the order in which a consumer reads them. */
  readonly userRecords: readonly U[];
  /** Of the shard that it is meant for. */
  readonly slot: ShardSlot;
  /** The version of the shards by which it was packed. */
  readonly version: number;
  readonly partitionKey: string;
  readonly explicitHashKey: string;
  readonly made: MadeData;
  readonly dataBytes: number;
  readonly bytes: number;
  /** `Clock.now()` at which it was last sent. */
  sentAt = 0;
  /** Failed attempts. */
  attempt = 0;
  readonly #record: KinesisRecord;

  /** @param builder to which these user records were added, in this order */
  constructor(builder: AggregateBuilder, userRecords: readonly U[], slot: ShardSlot, version: number) {
    const record = aggregateRecord(builder, userRecords);
    this.userRecords = userRecords;
    this.slot = slot;
    this.version = version;
    this.partitionKey = record.partitionKey;
    this.explicitHashKey = record.explicitHashKey;
    this.made = record.made;
    this.dataBytes = builder.size;
    this.bytes = builder.size + AGGREGATE_KEY_BYTES;
    this.#record = record;
  }

  /** Written for each request: kept, it would take as much memory again as the messages. */
  get data(): Uint8Array {
    return this.#record.data;
  }

  get routingKey(): string {
    return this.userRecords[0]?.partitionKey ?? "";
  }

  mayWrite(now: number): boolean {
    return this.userRecords.every((record) => record.mayWrite(now));
  }

  get writableUntil(): number {
    return writableUntil(this.userRecords);
  }
}
