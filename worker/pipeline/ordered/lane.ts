/** A FIFO whose order matters: the messages of one partition key of one topic-partition. */
import type { Message } from "../../source/source.ts";
import type { OpenDelivery } from "../intake/checkpoint.ts";
import type { OutboundRecord } from "../requests/batch.ts";
import type { Aggregate, ShardSlot } from "../shards/aggregate.ts";
import type { ShardQueue } from "../shards/shard-queues.ts";
import type { OrderedAssignment } from "./assignment.ts";
import { isAfter } from "./sequence.ts";

/** One message on its way; is itself the Kinesis record, unless an aggregate takes it along. */
export class OrderedUserRecord implements OutboundRecord {
  readonly lane: Lane;
  readonly mark: OpenDelivery;
  readonly message: Message;
  /** Counts the messages of the assignment. */
  readonly ordinal: number;
  readonly dataBytes: number;
  /** Null: the data is the message's payload. */
  readonly #encoded: Uint8Array | null;
  next: OrderedUserRecord | null = null;
  /** It is poison: whether the broker confirmed its dead letter. Nothing behind it is sent before. */
  deadLetter: "none" | "waiting" | "published" = "none";

  constructor(lane: Lane, mark: OpenDelivery, message: Message, dataBytes: number, kept: Uint8Array | null) {
    this.lane = lane;
    this.mark = mark;
    this.message = message;
    this.ordinal = lane.partition.nextOrdinal;
    this.dataBytes = dataBytes;
    this.#encoded = kept;
  }

  get userRecords(): null {
    return null;
  }

  get partition(): OrderedAssignment {
    return this.lane.partition;
  }

  get partitionKey(): string {
    return this.lane.key;
  }

  get bytes(): number {
    return this.dataBytes + this.lane.keyBytes;
  }

  get data(): Uint8Array {
    return this.#encoded ?? this.message.payload;
  }
}

export interface Lane {
  /** Not an aggregate. */
  readonly userRecords: null;
  readonly key: string;
  /** UTF-8 bytes of the key. */
  readonly keyBytes: number;
  readonly partition: OrderedAssignment;
  /** The oldest message; stays the head while its record is in flight. */
  head: OrderedUserRecord | null;
  tail: OrderedUserRecord | null;
  /** Ready, in flight or waiting for its next attempt: not to be made ready by a new message. */
  busy: boolean;
  /** Failed attempts of the head. */
  attempt: number;
  /** Where it waits when it is ready, and the version of the shards that this was found by. */
  queue: ShardQueue<Lane | Aggregate<OrderedUserRecord>> | null;
  queueVersion: number;
  /** The slot that its head holds while it travels without company. */
  slot: ShardSlot | null;
  /** How many of its next messages go without company: their aggregate was refused, or missed its shard twice. */
  unaggregated: number;
  /** Aggregates in a row that missed their shard. */
  wrongShard: number;
  /** Where the last record landed: later ones of the same shard must have greater sequence numbers. */
  shardId: string;
  sequenceNumber: string;
}

export function createLane(partition: OrderedAssignment, key: string): Lane {
  return {
    userRecords: null,
    key,
    keyBytes: Buffer.byteLength(key),
    partition,
    head: null,
    tail: null,
    busy: false,
    attempt: 0,
    queue: null,
    queueVersion: -1,
    slot: null,
    unaggregated: 0,
    wrongShard: 0,
    shardId: "",
    sequenceNumber: "",
  };
}

export function append(lane: Lane, item: OrderedUserRecord): void {
  if (lane.tail === null) lane.head = item;
  else lane.tail.next = item;
  lane.tail = item;
}

export function removeHead(lane: Lane): void {
  const head = lane.head;
  if (head === null) return;
  lane.head = head.next;
  if (lane.head === null) lane.tail = null;
  lane.attempt = 0;
  if (lane.unaggregated > 0) lane.unaggregated -= 1;
}

/** Cuts the lane before its first message from `ordinal` on; returns how many were cut off. */
export function truncate(lane: Lane, ordinal: number): number {
  let last: OrderedUserRecord | null = null;
  let item = lane.head;
  while (item !== null && item.ordinal < ordinal) {
    last = item;
    item = item.next;
  }
  let cut = 0;
  for (let rest = item; rest !== null; rest = rest.next) cut += 1;
  if (last === null) lane.head = null;
  else last.next = null;
  lane.tail = last;
  return cut;
}

/** False when the record was executed before an earlier one of its lane, as far as sequence numbers tell. */
export function inOrder(lane: Lane, shardId: string, sequenceNumber: string): boolean {
  if (lane.shardId === shardId && !isAfter(sequenceNumber, lane.sequenceNumber)) return false;
  lane.shardId = shardId;
  lane.sequenceNumber = sequenceNumber;
  return true;
}
