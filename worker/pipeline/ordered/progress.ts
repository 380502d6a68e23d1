/**
 * What is done is acknowledged, per topic-partition in order. What can never be delivered is dead-lettered, or stops its
 * topic-partition, which is tried again later.
 */
import type { PoisonError } from "../../format/format.ts";
import type { SinkFailure } from "../../sink/sink.ts";
import type { Message, Source } from "../../source/source.ts";
import type { Budget } from "../budget.ts";
import type { Counters } from "../counters.ts";
import type { OpenDelivery } from "../intake/checkpoint.ts";
import { type DeadLetters, deadLetter, LETTER_BYTES } from "../intake/dead-letter-retries.ts";
import type { Drain } from "../intake/drain.ts";
import { rejected } from "../intake/encoding.ts";
import { GIVEN_BACK } from "../intake/intake.ts";
import type { Settings } from "../options.ts";
import type { OrderedAssignment } from "./assignment.ts";
import type { OrderedAssignments } from "./assignments.ts";
import type { Lane, OrderedUserRecord } from "./lane.ts";
import type { Lanes } from "./lanes.ts";
import type { Stops } from "./stops.ts";

/** The stations that it tells of what is done. */
export interface ProgressNeighbours {
  readonly source: () => Source;
  readonly budget: Budget;
  readonly assignments: OrderedAssignments;
  readonly lanes: Lanes;
  readonly stops: Stops;
  /** Null: poison stops its topic-partition. */
  readonly deadLetters: DeadLetters | null;
  readonly drain: Drain;
  readonly wake: () => void;
  /** A request that was not answered carries something of it. */
  readonly isOnItsWay: (assignment: OrderedAssignment) => boolean;
}

export class OrderedProgress {
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #neighbours: ProgressNeighbours;
  readonly #dirty: OrderedAssignment[] = [];
  /** To be given up for a while once what precedes their poison is done. */
  readonly #stopping = new Set<OrderedAssignment>();
  /** To be given up for a while once nothing of them is on its way. */
  readonly #closing = new Map<OrderedAssignment, string | null>();
  #rewinding: OrderedAssignment | null = null;
  #closed = false;

  constructor(settings: Settings, counters: Counters, neighbours: ProgressNeighbours) {
    this.#settings = settings;
    this.#counters = counters;
    this.#neighbours = neighbours;
  }

  delivered(record: OrderedUserRecord): void {
    this.#counters.delivered += 1;
    this.#counters.deliveredBytes += record.dataBytes;
    this.#done(record.assignment, record.openDelivery);
  }

  /** The service refuses the message, and accepts others. */
  refused(record: OrderedUserRecord, failure: SinkFailure): void {
    const poison = rejected(failure);
    if (this.#neighbours.deadLetters !== null) {
      record.deadLetter = "waiting";
      this.#publish(this.#neighbours.deadLetters, record, poison);
      return;
    }
    this.#stop(record.assignment, record.ordinal, record.message.id, poison);
    this.#neighbours.lanes.remove(record);
  }

  /**
   * The message cannot be encoded.
   * @param firstOrdinal of its delivery
   * @returns true: its topic-partition stops here, and nothing behind it is to be taken in
   */
  poisoned(lane: Lane, open: OpenDelivery, message: Message, poison: PoisonError, firstOrdinal: number): boolean {
    const { deadLetters, lanes, stops } = this.#neighbours;
    if (deadLetters !== null) {
      this.#publish(deadLetters, lanes.appendPoison(lane, open, message), poison);
      return false;
    }
    const { assignment } = lane;
    // What precedes the poison in its entry went out the first time; once is enough until the poison is gone.
    const from = stops.knows(assignment.topic, message.id) ? firstOrdinal : assignment.nextOrdinal;
    this.#stop(assignment, from, message.id, poison);
    return true;
  }

  /**
   * Nothing more of it is sent; once nothing is on its way, it is closed and tried again later.
   * @param why it does not move; null: not known
   */
  giveBack(assignment: OrderedAssignment, why: string | null): void {
    const { held: bytes, stillMs } = assignment.share;
    this.#settings.log.warn(GIVEN_BACK, { topic: assignment.topic, bytes, stillMs, why });
    assignment.close();
    this.#neighbours.assignments.dropWaiting(assignment);
    this.#closing.set(assignment, why);
    this.#settledSoon();
  }

  /** All of it was delivered before its topic-partition stopped in a later part of the same entry. */
  deliveredBefore(assignment: OrderedAssignment, open: OpenDelivery): void {
    this.#counters.pending -= open.remaining - 1;
    open.remaining = 1;
    this.#done(assignment, open);
    this.#settledSoon();
  }

  /** To be called once all that came together was told of. */
  settled(): void {
    for (const assignment of this.#dirty.splice(0)) this.#advance(assignment);
    for (const assignment of this.#stopping) if (assignment.inLanes === 0) this.#rewind(assignment);
    for (const [assignment, why] of this.#closing) {
      if (!this.#neighbours.isOnItsWay(assignment)) this.#giveBack(assignment, why);
    }
    this.#neighbours.wake();
    this.#neighbours.drain.check();
  }

  /** What is known of its poison is kept if the assignment ended for a rewind, after which it comes again. */
  revoked(assignment: OrderedAssignment): void {
    this.#stopping.delete(assignment);
    this.#closing.delete(assignment);
    if (assignment !== this.#rewinding) this.#neighbours.stops.forget(assignment.topic);
  }

  close(): void {
    this.#closed = true;
  }

  #done(assignment: OrderedAssignment, open: OpenDelivery): void {
    this.#counters.pending -= 1;
    open.remaining -= 1;
    assignment.share.moved();
    if (open.remaining > 0 || assignment.dirty) return;
    assignment.dirty = true;
    this.#dirty.push(assignment);
  }

  #advance(assignment: OrderedAssignment): void {
    assignment.dirty = false;
    if (assignment.isRevoked) return;
    const advanced = assignment.checkpoint.advance();
    if (advanced === null) return;
    this.#neighbours.source().acknowledgeThrough(advanced.through.delivery);
    // The poison may lie in what follows of the entry.
    const { continues = false } = advanced.through.delivery;
    if (assignment.isOpen && !continues) this.#neighbours.stops.forget(assignment.topic);
    assignment.share.release(advanced.bytes);
  }

  #publish(deadLetters: DeadLetters, record: OrderedUserRecord, poison: PoisonError): void {
    const { assignment, openDelivery, message } = record;
    const wanted = (): boolean => !assignment.isRevoked;
    openDelivery.bytes += LETTER_BYTES;
    assignment.share.take(LETTER_BYTES);
    openDelivery.delivery.setAside?.(1);
    deadLetters.publish(deadLetter(message, assignment.topic, poison), wanted, () => {
      openDelivery.delivery.setAside?.(-1);
      this.#neighbours.lanes.published(record);
      this.#done(assignment, openDelivery);
      this.settled();
    });
  }

  /** Nothing from this ordinal on is sent; once what precedes it is done, the topic-partition is tried again later. */
  #stop(assignment: OrderedAssignment, from: number, id: string, poison: PoisonError): void {
    const { topic } = assignment;
    const times = this.#neighbours.stops.stopped(topic, id, poison);
    const fields = { topic, id, code: poison.code, reason: poison.message, times };
    this.#settings.log.error("message cannot be delivered; its topic-partition stops here", fields);
    this.#neighbours.lanes.stop(assignment, from);
    this.#neighbours.assignments.dropWaiting(assignment);
    this.#stopping.add(assignment);
    this.#settledSoon();
  }

  /** Not at once: the source may be in the middle of a call. */
  #settledSoon(): void {
    this.#settings.nextTurn(() => {
      if (!this.#closed) this.settled();
    });
  }

  #giveBack(assignment: OrderedAssignment, why: string | null): void {
    if (this.#closed) return;
    const { budget } = this.#neighbours;
    this.#end(assignment, budget.giveBack(assignment.share, this.#settings.clock.now(), why));
  }

  #rewind(assignment: OrderedAssignment): void {
    if (this.#neighbours.drain.active || this.#closed) return;
    this.#stopping.delete(assignment);
    this.#end(assignment, this.#neighbours.stops.waits(assignment.topic, this.#settings.clock.now()));
  }

  /** It comes again, from behind its checkpoint. */
  #end(assignment: OrderedAssignment, delayMs: number): void {
    this.#rewinding = assignment;
    this.#neighbours.source().rewind(assignment.given, delayMs);
    this.#rewinding = null;
  }
}
