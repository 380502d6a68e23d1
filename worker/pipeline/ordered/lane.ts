/** A FIFO whose order matters: the messages of one partition key of one topic-partition. */
import { isAfter } from "../../sink/sequence-number.ts";
import type { Message } from "../../source/source.ts";
import type { OpenDelivery } from "../intake/checkpoint.ts";
import type { Waiting } from "../shards/aggregate.ts";
import type { ShardQueue } from "../shards/shard-queue.ts";
import type { ShardSlot } from "../shards/shard-slot.ts";
import { type Packable, UserRecord } from "../shards/user-record.ts";
import type { OrderedAssignment } from "./assignment.ts";

export class OrderedUserRecord extends UserRecord<OrderedUserRecord> {
  readonly lane: Lane;
  readonly openDelivery: OpenDelivery;
  readonly message: Message;
  /** Counts the messages of the assignment. */
  readonly ordinal: number;
  /** The one behind it in its lane. */
  next: OrderedUserRecord | null = null;
  /** It is poison: whether the broker confirmed its dead letter. Nothing behind it is sent before. */
  deadLetter: "none" | "waiting" | "published" = "none";

  constructor(lane: Lane, openDelivery: OpenDelivery, message: Message, dataBytes: number, encoded: Uint8Array | null) {
    super(dataBytes, encoded);
    this.lane = lane;
    this.openDelivery = openDelivery;
    this.message = message;
    this.ordinal = lane.assignment.nextOrdinal;
  }

  get assignment(): OrderedAssignment {
    return this.lane.assignment;
  }

  get partitionKey(): string {
    return this.lane.key;
  }

  get bytes(): number {
    return this.dataBytes + this.lane.keyBytes;
  }

  get queued(): Lane {
    return this.lane;
  }

  get following(): OrderedUserRecord | null {
    return this.next?.deadLetter === "none" ? this.next : null;
  }

  /** Its lane's: no other message of the lane is on its way beside it. */
  get slot(): ShardSlot | null {
    return this.lane.slot;
  }

  set slot(slot: ShardSlot | null) {
    this.lane.slot = slot;
  }

  get isWithdrawn(): boolean {
    return this.lane.assignment.isWithdrawn(this.ordinal);
  }

  mayWrite(now: number): boolean {
    const { assignment } = this.lane;
    return !assignment.isWithdrawn(this.ordinal) && assignment.mayWrite(now);
  }

  get writableUntil(): number {
    return this.lane.assignment.leaseEnd;
  }

  protected get payload(): Uint8Array {
    return this.message.payload;
  }
}

export class Lane implements Packable<OrderedUserRecord> {
  readonly key: string;
  /** UTF-8 bytes of the key. */
  readonly keyBytes: number;
  readonly assignment: OrderedAssignment;
  /** The oldest message; stays the head while its record is in flight. */
  head: OrderedUserRecord | null = null;
  #tail: OrderedUserRecord | null = null;
  /** Taken: its head is queued, in flight, resting or dead-lettered, so that a new message has to wait for its turn. */
  turn: "idle" | "taken" = "idle";
  /** Failed attempts of the head. */
  attempt = 0;
  /** Where it waits when it is ready, and the version of the shards that this was found by. */
  queue: ShardQueue<Waiting<OrderedUserRecord>> | null = null;
  queueVersion = -1;
  /** What its head holds while it travels unaggregated. */
  slot: ShardSlot | null = null;
  /** How many of its next messages are not aggregated: their aggregate was refused, or landed in a wrong shard twice. */
  #unaggregated = 0;
  /** Aggregates in a row that landed in a wrong shard. */
  wrongShard = 0;
  /** Where the last record landed: later ones of the same shard must have greater sequence numbers. */
  #shardId = "";
  #sequenceNumber = "";
  /** The life of the stream in which it did. */
  #life = 0;

  constructor(assignment: OrderedAssignment, key: string) {
    this.assignment = assignment;
    this.key = key;
    this.keyBytes = Buffer.byteLength(key);
  }

  get userRecords(): null {
    return null;
  }

  get routingKey(): string {
    return this.key;
  }

  get unaggregated(): boolean {
    return this.#unaggregated > 0;
  }

  /** The shard of the last record; "" when not known. */
  get shardId(): string {
    return this.#shardId;
  }

  first(now: number): OrderedUserRecord | null {
    return this.head !== null && this.assignment.mayWrite(now) ? this.head : null;
  }

  append(record: OrderedUserRecord): void {
    if (this.#tail === null) this.head = record;
    else this.#tail.next = record;
    this.#tail = record;
    this.assignment.nextOrdinal += 1;
    this.assignment.inLanes += 1;
  }

  /** The head is done: the next attempt is another message's first. */
  removeHead(): void {
    this.assignment.inLanes -= 1;
    if (this.head === null) return;
    this.head = this.head.next;
    if (this.head === null) this.#tail = null;
    this.attempt = 0;
    if (this.#unaggregated > 0) this.#unaggregated -= 1;
  }

  /** Cuts off what is withdrawn. */
  truncate(): void {
    let last: OrderedUserRecord | null = null;
    let record = this.head;
    while (record !== null && !record.isWithdrawn) {
      last = record;
      record = record.next;
    }
    for (; record !== null; record = record.next) this.assignment.inLanes -= 1;
    if (last === null) this.head = null;
    else last.next = null;
    this.#tail = last;
  }

  /** So many of its next messages are not aggregated. */
  sendUnaggregated(count: number): void {
    this.#unaggregated = count;
  }

  idle(): void {
    this.turn = "idle";
    this.#unaggregated = 0;
  }

  /**
   * False when the record was executed before an earlier one of its lane, as far as sequence numbers tell.
   * @param life of the stream; numbers of another one say nothing
   */
  inOrder(shardId: string, sequenceNumber: string, life: number): boolean {
    if (this.#shardId === shardId && this.#life === life && !isAfter(sequenceNumber, this.#sequenceNumber))
      return false;
    this.#life = life;
    this.#shardId = shardId;
    this.#sequenceNumber = sequenceNumber;
    return true;
  }
}
