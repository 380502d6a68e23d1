import { payloadOf } from "../intake/encoding.ts";
import type { ShardSlot } from "../shards/shard-slot.ts";
import { UserRecord } from "../shards/user-record.ts";
import { messageOf, type TrackedDelivery } from "./tracked-delivery.ts";

/** After so many aggregates that landed in a wrong shard, a message is not aggregated. */
const WRONG_SHARD_LIMIT = 2;

/** A message that waits, is sent and fails by itself. */
export class UnorderedUserRecord extends UserRecord<UnorderedUserRecord> {
  readonly openDelivery: TrackedDelivery;
  /** Position in its delivery. */
  readonly index: number;
  readonly partitionKey: string;
  readonly bytes: number;
  /** Failed attempts. */
  attempt = 0;
  /** Aggregates with it that landed in a wrong shard. */
  #wrongShard = 0;
  slot: ShardSlot | null = null;

  constructor(
    openDelivery: TrackedDelivery,
    index: number,
    partitionKey: string,
    keyBytes: number,
    dataBytes: number,
    encoded: Uint8Array | null,
  ) {
    super(dataBytes, encoded);
    this.openDelivery = openDelivery;
    this.index = index;
    this.partitionKey = partitionKey;
    this.bytes = dataBytes + keyBytes;
  }

  get queued(): UnorderedUserRecord {
    return this;
  }

  get following(): null {
    return null;
  }

  get routingKey(): string {
    return this.partitionKey;
  }

  get unaggregated(): boolean {
    return this.#wrongShard >= WRONG_SHARD_LIMIT;
  }

  /** False once its assignment ended. */
  get isWanted(): boolean {
    return this.openDelivery.owner !== null;
  }

  first(): UnorderedUserRecord | null {
    return this.isWanted ? this : null;
  }

  mayWrite(): boolean {
    return this.isWanted;
  }

  get writableUntil(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** An aggregate took it into a wrong shard. */
  wrongShard(): void {
    this.#wrongShard += 1;
  }

  sendUnaggregated(): void {
    this.#wrongShard = WRONG_SHARD_LIMIT;
  }

  protected get payload(): Uint8Array {
    return payloadOf(messageOf(this.openDelivery, this.index));
  }
}
