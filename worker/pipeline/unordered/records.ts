/** What the unordered pipeline keeps of an assignment, and what it sends: messages, alone or together. */
import type { Assignment, Delivery, Message } from "../../source/source.ts";
import { createOpenDelivery, type OpenDelivery, undoneSince } from "../intake/checkpoint.ts";
import { payloadOf } from "../intake/encoding.ts";
import type { OutboundRecord } from "../requests/batch.ts";
import type { Aggregate, ShardSlot } from "../shards/aggregate.ts";
import type { Cargo } from "../shards/collector.ts";

/** After so many aggregates that missed their shard, a message goes without company. */
export const WRONG_SHARD_LIMIT = 2;

/** The deliveries of one assignment that are not acknowledged. */
export interface UnorderedAssignment {
  readonly assignment: Assignment;
  readonly open: Set<TrackedDelivery>;
}

export interface TrackedDelivery extends OpenDelivery {
  /** Holds the kept messages alone once `kept` is set. */
  delivery: Delivery;
  /** Null once the assignment ended: nothing of it is written or acknowledged any more. */
  owner: UnorderedAssignment | null;
  /** 1 for each message that is done; null before the first of several is. */
  done: Uint8Array | null;
  /** Set once nothing but poison is left: copies of it by position, and the ids of all messages. */
  retained: ReadonlyMap<number, Message> | null;
  ids: readonly string[] | null;
}

export function createTrackedDelivery(
  delivery: Delivery,
  share: UnorderedAssignment,
  receivedAt: number,
): TrackedDelivery {
  return {
    ...createOpenDelivery(delivery, delivery.retainedBytes, receivedAt),
    owner: share,
    done: null,
    retained: null,
    ids: null,
  };
}

export function messageOf({ retained: kept, delivery }: TrackedDelivery, index: number): Message | undefined {
  return kept === null ? delivery.messages[index] : kept.get(index);
}

/** One message on its way; is itself the Kinesis record, unless an aggregate takes it along. */
export class UnorderedUserRecord implements OutboundRecord {
  readonly mark: TrackedDelivery;
  /** Position in its delivery. */
  readonly index: number;
  readonly partitionKey: string;
  readonly bytes: number;
  readonly dataBytes: number;
  /** Null: the data is the message's payload. */
  readonly #encoded: Uint8Array | null;
  /** Failed attempts. */
  attempt = 0;
  /** Aggregates with it that missed their shard. */
  wrongShard = 0;
  /** What it holds while it travels without company. */
  slot: ShardSlot | null = null;

  constructor(
    mark: TrackedDelivery,
    index: number,
    partitionKey: string,
    keyBytes: number,
    dataBytes: number,
    kept: Uint8Array | null,
  ) {
    this.mark = mark;
    this.index = index;
    this.partitionKey = partitionKey;
    this.bytes = dataBytes + keyBytes;
    this.dataBytes = dataBytes;
    this.#encoded = kept;
  }

  get userRecords(): null {
    return null;
  }

  get data(): Uint8Array {
    return this.#encoded ?? payloadOf(messageOf(this.mark, this.index));
  }
}

export type UnorderedRecord = UnorderedUserRecord | Aggregate<UnorderedUserRecord>;

/** When the oldest message that is not done was published: epoch milliseconds. */
export function oldest({ open }: UnorderedAssignment): number | undefined {
  for (const { publishTime } of open) return publishTime;
  return undefined;
}

/** Messages not done of deliveries that were received before `time`. */
export function overdue(shares: Iterable<UnorderedAssignment>, time: number): number {
  let count = 0;
  for (const { open } of shares) count += undoneSince(open, time);
  return count;
}

export function keyOf(record: UnorderedRecord): string {
  return record.userRecords === null ? record.partitionKey : (record.userRecords[0]?.partitionKey ?? "");
}

/** The record no longer takes room of its shard. */
export function release(record: UnorderedRecord): void {
  if (record.slot === null) return;
  record.slot.inFlight -= 1;
  if (record.userRecords === null) record.slot = null;
}

/** False once an assignment ended that it carries messages of. */
export function isWanted(record: UnorderedRecord): boolean {
  if (record.userRecords === null) return record.mark.owner !== null;
  return record.userRecords.every(({ mark }) => mark.owner !== null);
}

/** @param push puts a message into its queue */
export function cargoOf(
  push: (item: UnorderedUserRecord) => void,
  flushNow: () => boolean,
): Cargo<UnorderedUserRecord, UnorderedUserRecord> {
  return {
    first: (item) => (item.mark.owner === null ? null : item),
    next: () => null,
    valueOf: (item) => item,
    unaggregated: (item) => item.wrongShard >= WRONG_SHARD_LIMIT,
    mayWrite: isWanted,
    unpack: (aggregate) => aggregate.userRecords.forEach(push),
    hold: (item, slot) => {
      item.slot = slot;
    },
    flushNow,
  };
}
