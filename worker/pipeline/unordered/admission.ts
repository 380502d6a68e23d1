/** Makes a record of each message and queues it. One that cannot be delivered is dead-lettered, or parked and tried again. */

import { exponential } from "../../../runtime/backoff.ts";
import type { PoisonError } from "../../format/format.ts";
import type { Budget } from "../budget.ts";
import { createDelays, type Delays } from "../delays.ts";
import { type DeadLetters, deadLetter, LETTER_BYTES } from "../intake/dead-letter-retries.ts";
import { addedBytes, dataBytes, encodeMessage, NotNowError } from "../intake/encoding.ts";
import type { Settings } from "../options.ts";
import { POISON_DELAYS } from "../retry.ts";
import type { Attempts } from "./attempts.ts";
import type { Parked, Parking } from "./parking.ts";
import type { UnorderedProgress } from "./progress.ts";
import type { Place, Redelivery } from "./redelivery.ts";
import { messageOf, type TrackedDelivery } from "./tracked-delivery.ts";
import { UnorderedUserRecord } from "./user-record.ts";

/** After which a message is looked at again for which there was no memory. */
const NOT_NOW_MS = 1_000;

export interface AdmissionNeighbours {
  readonly budget: Budget;
  readonly attempts: Attempts;
  readonly redelivery: Redelivery;
  readonly parking: Parking;
  /** Null: poison is parked. */
  readonly deadLetters: DeadLetters | null;
  readonly progress: UnorderedProgress;
}

export class Admission {
  readonly #settings: Settings;
  readonly #neighbours: AdmissionNeighbours;
  readonly #parkedDelays: Delays<Parked>;
  /** Messages for which there was no memory. */
  readonly #notNow: Delays<Place>;

  constructor(settings: Settings, neighbours: AdmissionNeighbours) {
    this.#settings = settings;
    this.#neighbours = neighbours;
    this.#parkedDelays = createDelays(
      settings.clock,
      // Its bytes were counted before.
      ({ openDelivery, index }) => void this.#admit(openDelivery, index),
      () => neighbours.progress.settled(),
    );
    this.#notNow = createDelays(
      settings.clock,
      ({ openDelivery, index }) => this.#take(openDelivery, this.#admit(openDelivery, index)),
      () => neighbours.progress.settled(),
    );
  }

  /** All messages of the delivery, but those that were delivered before their assignment ended, or are on their way. */
  admit(open: TrackedDelivery): void {
    const { assignment, messages } = open.delivery;
    const { redelivery, progress } = this.#neighbours;
    const known = redelivery.knows(assignment.topic);
    let added = 0;
    for (let index = 0; index < messages.length; index += 1) {
      const fate = known ? redelivery.claim(open, index) : null;
      if (fate === null) added += this.#admit(open, index);
      else if (fate === "delivered") progress.doneBefore(open, index);
    }
    this.#take(open, added);
  }

  /** The message was on its way when its assignment ended, and was not accepted. */
  admitAgain(open: TrackedDelivery, index: number): void {
    this.#take(open, this.#admit(open, index));
  }

  poisoned(open: TrackedDelivery, index: number, poison: PoisonError): void {
    const message = messageOf(open, index);
    if (message === undefined) return;
    const { deadLetters, progress } = this.#neighbours;
    if (deadLetters === null) {
      this.#park(this.#neighbours.parking.park(open, index, message, poison), poison);
      return;
    }
    const wanted = (): boolean => open.owner !== null;
    open.bytes += LETTER_BYTES;
    open.owner?.share.take(LETTER_BYTES);
    open.delivery.setAside?.(1);
    deadLetters.publish(deadLetter(message, open.delivery.assignment.topic, poison), wanted, () => {
      open.delivery.setAside?.(-1);
      progress.done(open, index);
      progress.settled();
    });
  }

  close(): void {
    this.#parkedDelays.close();
    this.#notNow.close();
  }

  #take(open: TrackedDelivery, bytes: number): void {
    open.bytes += bytes;
    open.owner?.share.take(bytes);
  }

  /** @returns bytes that its record adds to what the delivery retains */
  #admit(open: TrackedDelivery, index: number): number {
    const message = messageOf(open, index);
    if (open.owner === null || message === undefined) return 0;
    const { format, limits, partitionKey } = this.#settings;
    const { topic } = open.delivery.assignment;
    const key = partitionKey(message, topic);
    const keyBytes = Buffer.byteLength(key);
    try {
      const data = encodeMessage(format, limits, message, topic, keyBytes);
      this.#neighbours.attempts.push(
        new UnorderedUserRecord(open, index, key, keyBytes, dataBytes(message, data), data),
      );
      return addedBytes(data);
    } catch (error) {
      if (error instanceof NotNowError) this.#later({ openDelivery: open, index }, error);
      else this.poisoned(open, index, error as PoisonError);
      return 0;
    }
  }

  #later(place: Place, error: NotNowError): void {
    const { clock, log } = this.#settings;
    if (this.#notNow.length === 0) log.warn("messages wait for memory", { error });
    this.#notNow.add(place, clock.now() + NOT_NOW_MS);
  }

  #park(parked: Parked, { code, message: reason }: PoisonError): void {
    const { clock, log } = this.#settings;
    const { openDelivery, times, report } = parked;
    this.#parkedDelays.add(parked, clock.now() + exponential(POISON_DELAYS, times - 1));
    if (times > 1) return;
    openDelivery.owner?.share.passed();
    openDelivery.delivery.setAside?.(1);
    this.#neighbours.progress.retainPoison(openDelivery);
    const { topic, messageId: id } = report;
    const fields = { topic, id, code, reason, parked: this.#neighbours.parking.count };
    log.error("message cannot be delivered; it stays parked and is tried again", fields);
  }
}
