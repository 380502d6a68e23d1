/** One message on its way: what the ordered and the unordered pipeline's user records have in common. */
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
    return this.#encoded ?? this.payload;
  }

  abstract mayWrite(now: number): boolean;
}
