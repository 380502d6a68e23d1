/** Whose turn it is: of each lane one message at a time is ready to be sent, unless an aggregate takes several along. */
import type { Clock } from "../../../runtime/clock.ts";
import type { Message } from "../../source/source.ts";
import { createDelays, type Delays } from "../delays.ts";
import type { OpenDelivery } from "../intake/checkpoint.ts";
import type { Aggregate, Waiting } from "../shards/aggregate.ts";
import type { UnsentHandler } from "../shards/collector.ts";
import type { ShardQueue } from "../shards/shard-queue.ts";
import type { ShardQueues } from "../shards/shard-queues.ts";
import type { OrderedAssignment } from "./assignment.ts";
import { ANSWERED_AGAIN_MS } from "./fencing.ts";
import { type Lane, OrderedUserRecord } from "./lane.ts";
import { LaneTable } from "./lane-table.ts";

export type OrderedWaiting = Waiting<OrderedUserRecord>;

export class Lanes implements UnsentHandler<OrderedUserRecord> {
  readonly #clock: Clock;
  readonly #queues: ShardQueues<OrderedWaiting>;
  readonly #table = new LaneTable();
  /** What rests before its next attempt. */
  readonly #delays: Delays<OrderedWaiting>;

  constructor(clock: Clock, queues: ShardQueues<OrderedWaiting>, wake: () => void) {
    this.#clock = clock;
    this.#queues = queues;
    this.#delays = createDelays(clock, (waiting) => this.#enqueueAgain(waiting), wake);
  }

  laneOf(assignment: OrderedAssignment, key: string): Lane {
    return this.#table.laneOf(assignment, key);
  }

  queueOf(lane: Lane): ShardQueue<OrderedWaiting> {
    if (lane.queue === null || lane.queueVersion !== this.#queues.version) {
      lane.queue = this.#queues.queueOf(lane.key);
      lane.queueVersion = this.#queues.version;
    }
    return lane.queue;
  }

  /** @param encoded the data, if it is not the message's payload */
  append(lane: Lane, open: OpenDelivery, message: Message, dataBytes: number, encoded: Uint8Array | null): void {
    lane.append(new OrderedUserRecord(lane, open, message, dataBytes, encoded));
    if (lane.turn === "taken") return;
    lane.turn = "taken";
    this.enqueue(lane);
  }

  /** Appends a message that is poison: it holds those behind it until `published`, for it may be none by the next time. */
  appendPoison(lane: Lane, open: OpenDelivery, message: Message): OrderedUserRecord {
    const record = new OrderedUserRecord(lane, open, message, 0, null);
    record.deadLetter = "waiting";
    lane.append(record);
    lane.turn = "taken";
    return record;
  }

  /** The broker confirmed the dead letter of the message. */
  published(record: OrderedUserRecord): void {
    record.deadLetter = "published";
    if (record.lane.head === record) this.endTurn(record.lane);
  }

  /** The head is sent as soon as may be. */
  enqueue(lane: Lane): void {
    this.#queues.push(this.queueOf(lane), lane, lane.head?.openDelivery.receivedAt);
  }

  rest(waiting: OrderedWaiting, ms: number): void {
    this.#delays.add(waiting, this.#clock.now() + ms);
  }

  /** The lane's turn is over: the next message is ready or waits for a receipt, or the lane is idle. */
  endTurn(lane: Lane): void {
    while (lane.head?.deadLetter === "published") lane.removeHead();
    if (lane.head === null) lane.idle();
    else if (lane.head.deadLetter === "none") this.enqueue(lane);
  }

  /** Takes the message out, and lets those behind it pass. */
  remove(record: OrderedUserRecord): void {
    if (!record.isWithdrawn) record.lane.removeHead();
    this.endTurn(record.lane);
  }

  unsent(waiting: OrderedWaiting): void {
    if (waiting.userRecords !== null) {
      for (const lane of lanesOf(waiting)) this.endTurn(lane);
    } else if (waiting.head === null) waiting.turn = "idle";
    // Its broker does not answer.
    else this.rest(waiting, ANSWERED_AGAIN_MS);
  }

  /** Withdraws the messages from this ordinal on. */
  stop(assignment: OrderedAssignment, from: number): void {
    assignment.stop(from);
    for (const lane of this.#table.of(assignment)) lane.truncate();
  }

  revoke(assignment: OrderedAssignment): void {
    assignment.revoke();
    for (const lane of this.#table.of(assignment)) lane.truncate();
    this.#table.forget(assignment);
  }

  close(): void {
    this.#delays.close();
  }

  #enqueueAgain(waiting: OrderedWaiting): void {
    if (waiting.userRecords === null) this.enqueue(waiting);
    else this.#queues.push(this.#queues.queueOf(waiting.routingKey), waiting);
  }
}

/** Each lane once: the messages of a lane follow one another. */
export function lanesOf({ userRecords }: Aggregate<OrderedUserRecord>): Lane[] {
  const lanes: Lane[] = [];
  for (const { lane } of userRecords) if (lane !== lanes.at(-1)) lanes.push(lane);
  return lanes;
}
