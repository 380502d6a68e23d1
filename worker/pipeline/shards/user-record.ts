/** One message on its way: what the ordered and the unordered pipeline's user records have in common. */
import { createAggregateBuilder, LEAST_AGGREGATE_BYTES, looksAggregated } from "../../sink/aggregate.ts";
import type { MadeData } from "../../sink/sink.ts";
import type { OutboundRecord } from "../requests/outbound-record.ts";
import type { ShardSlot } from "./shard-slot.ts";

/** Stands in a shard's queue for user records that are to be packed: one of them, or the lane of several. */
export interface Packable<U> {
  /** Not an aggregate. */
  readonly userRecords: null;
  /** The partition key that tells the queue. */
  readonly routingKey: string;
  /** Not to be aggregated. */
  readonly unaggregated: boolean;
  /** The user record to be sent next; null: none may be sent at this `Clock.now()`. */
  first(now: number): U | null;
}

/** Is itself the Kinesis record, unless an aggregate takes it along. */
export abstract class UserRecord<Self extends UserRecord<Self>> implements OutboundRecord {
  readonly dataBytes: number;
  /** Set while it travels as an aggregate of one. */
  made: MadeData | null = null;
  /** Null: the data is the message's payload. */
  readonly #encoded: Uint8Array | null;

  abstract readonly partitionKey: string;
  abstract readonly bytes: number;
  /** What stands in the queue for it. */
  abstract readonly queued: Packable<Self>;
  /** The one that follows it in the same aggregate, if there is room. */
  abstract readonly following: Self | null;
  /** What it holds while it travels where others are aggregated. */
  abstract slot: ShardSlot | null;
  protected abstract readonly payload: Uint8Array;

  constructor(dataBytes: number, encoded: Uint8Array | null) {
    this.dataBytes = dataBytes;
    this.#encoded = encoded;
  }

  get userRecords(): null {
    return null;
  }

  get data(): Uint8Array {
    const { made } = this;
    if (made === null) return this.#encoded ?? this.payload;
    const data = Buffer.allocUnsafeSlow(made.size);
    made.write(data);
    return data;
  }

  /** It goes without others where consumers unpack aggregates: data that looks like one goes as an aggregate of its own. */
  travelAlone(): void {
    this.made = null;
    if (this.dataBytes < LEAST_AGGREGATE_BYTES || !looksAggregated(this.data)) return;
    const builder = createAggregateBuilder();
    builder.add(this.partitionKey, this.dataBytes);
    this.made = {
      size: builder.size,
      write: (target) => builder.write([{ data: this.#encoded ?? this.payload }], target),
    };
  }

  /** It goes as it is, by itself or within an aggregate. */
  travelAsIs(): void {
    this.made = null;
  }

  abstract mayWrite(now: number): boolean;
  abstract readonly writableUntil: number;
}
