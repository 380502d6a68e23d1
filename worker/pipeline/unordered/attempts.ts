/** Puts each record into the queue of its shard, at once or when it has rested. */
import type { Clock } from "../../../runtime/clock.ts";
import { createDelays, type Delays } from "../delays.ts";
import type { Waiting } from "../shards/aggregate.ts";
import type { UnsentHandler } from "../shards/collector.ts";
import type { ShardQueues } from "../shards/shard-queues.ts";
import type { UnorderedUserRecord } from "./user-record.ts";

/** What is sent, and what waits to be: a message, or an aggregate of messages. */
export type UnorderedRecord = Waiting<UnorderedUserRecord>;

export class Attempts implements UnsentHandler<UnorderedUserRecord> {
  readonly #queues: ShardQueues<UnorderedRecord>;
  readonly #delays: Delays<UnorderedRecord>;

  constructor(clock: Clock, queues: ShardQueues<UnorderedRecord>, wake: () => void) {
    this.#queues = queues;
    this.#delays = createDelays(clock, (record) => this.push(record), wake);
  }

  push(record: UnorderedRecord): void {
    const receivedAt = record.userRecords === null ? record.openDelivery.receivedAt : undefined;
    this.#queues.push(this.#queues.queueOf(record.routingKey), record, receivedAt);
  }

  /** @param at `Clock.now()` */
  pushAt(record: UnorderedRecord, at: number): void {
    this.#delays.add(record, at);
  }

  /** A message whose assignment ended is dropped. */
  unsent(record: UnorderedRecord): void {
    if (record.userRecords !== null) for (const each of record.userRecords) this.push(each);
  }

  close(): void {
    this.#delays.close();
  }
}
