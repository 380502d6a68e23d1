/**
 * Messages that can never be delivered, published to the dead-letter topic with the reason in properties. The first two
 * names are those of Pulsar's own dead-letter policy; the rest are ours. An undeliverable dead letter is tried again for ever.
 */

import { fullJitter } from "../../../runtime/backoff.ts";
import type { Timer } from "../../../runtime/clock.ts";
import type { PoisonError } from "../../format/format.ts";
import type { DeadLetter, Message, Source } from "../../source/source.ts";
import type { Counters } from "../counters.ts";
import { createFifo, type Fifo } from "../fifo.ts";
import type { Settings } from "../options.ts";
import { sourceFailureOf } from "./source-failure.ts";

/**
 * Dead letters without a receipt at most, and their payloads, bytes; a larger one goes alone. A broker that has a
 * thousand to store reads nothing more, and a receipt is given up after 30 s: by then all before it have to be stored.
 */
const MOST_UNCONFIRMED = 100;
const MOST_UNCONFIRMED_BYTES = 8 * 1024 * 1024;

/** What a dead letter takes until it is confirmed, beside its message: bytes. */
export const LETTER_BYTES = 1_000;

export const ORIGIN_TOPIC_PROPERTY = "REAL_TOPIC";
export const ORIGIN_ID_PROPERTY = "ORIGIN_MESSAGE_ID";
export const REASON_CODE_PROPERTY = "KINESIS_SINK_REASON";
export const REASON_PROPERTY = "KINESIS_SINK_MESSAGE";

export interface DeadLetters {
  /**
   * Publishes until the broker's receipt arrives.
   * @param wanted asked before each attempt: false once the message is no longer this worker's
   */
  publish(deadLetter: DeadLetter, wanted: () => boolean, published: () => void): void;
  close(): void;
}

export function deadLetter(message: Message, topic: string, poison: PoisonError): DeadLetter {
  return {
    message,
    topic,
    reason: new Map([
      [ORIGIN_TOPIC_PROPERTY, topic],
      [ORIGIN_ID_PROPERTY, message.id],
      [REASON_CODE_PROPERTY, poison.code],
      [REASON_PROPERTY, poison.message],
    ]),
  };
}

/** @returns null without a dead-letter topic */
export function createDeadLetters(settings: Settings, counters: Counters, source: () => Source): DeadLetters | null {
  const { deadLetterTopic } = settings;
  return deadLetterTopic === null ? null : new DeadLetterRetries(deadLetterTopic, settings, counters, source);
}

/** A dead letter on its way, however often it was tried. */
interface Letter {
  readonly deadLetter: DeadLetter;
  readonly wanted: () => boolean;
  readonly published: () => void;
  /** Failed attempts. */
  attempt: number;
}

class DeadLetterRetries implements DeadLetters {
  readonly #topic: string;
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #source: () => Source;
  readonly #timers = new Set<Timer>();
  /** Until there is room; what they hold their deliveries retain. */
  readonly #waiting: Fifo<Letter> = createFifo();
  #unconfirmed = 0;
  #unconfirmedBytes = 0;
  #closed = false;

  constructor(topic: string, settings: Settings, counters: Counters, source: () => Source) {
    this.#topic = topic;
    this.#settings = settings;
    this.#counters = counters;
    this.#source = source;
  }

  publish(deadLetter: DeadLetter, wanted: () => boolean, published: () => void): void {
    this.#waiting.push({ deadLetter, wanted, published, attempt: 0 });
    this.#fill();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** Publishes what waits, as far as there is room. */
  #fill(): void {
    for (let letter = this.#waiting.peek(); letter !== undefined; letter = this.#waiting.peek()) {
      const { payloadBytes } = letter.deadLetter.message;
      const isFull =
        this.#unconfirmed >= MOST_UNCONFIRMED || this.#unconfirmedBytes + payloadBytes > MOST_UNCONFIRMED_BYTES;
      if (isFull && this.#unconfirmed > 0) return;
      this.#waiting.shift();
      if (letter.wanted()) void this.#attempt(letter, payloadBytes);
      // With it its failure is over.
      else if (letter.attempt > 0) this.#counters.sourceFailure = null;
    }
  }

  async #attempt(letter: Letter, bytes: number): Promise<void> {
    this.#unconfirmed += 1;
    this.#unconfirmedBytes += bytes;
    const failure = await this.#source()
      .publish(this.#topic, letter.deadLetter)
      .then(
        () => null,
        (error: unknown) => ({ error }),
      );
    this.#unconfirmed -= 1;
    this.#unconfirmedBytes -= bytes;
    if (this.#closed) return;
    if (failure === null) this.#confirmed(letter);
    else this.#failed(letter, failure.error);
    this.#fill();
  }

  #confirmed({ deadLetter, wanted, published }: Letter): void {
    this.#counters.sourceFailure = null;
    this.#counters.deadLettered += 1;
    const fields = { topic: this.#topic, from: deadLetter.topic, id: deadLetter.message.id };
    this.#settings.log.warn("message dead-lettered", fields);
    if (wanted()) published();
  }

  #failed(letter: Letter, error: unknown): void {
    const { clock, retry, random, log } = this.#settings;
    this.#counters.sourceFailure = sourceFailureOf(error);
    const { id } = letter.deadLetter.message;
    if (letter.attempt === 0) log.warn("dead letter not published, trying again", { topic: this.#topic, id, error });
    const timer = clock.timer(fullJitter(retry, letter.attempt, random), () => {
      this.#timers.delete(timer);
      this.#waiting.push(letter);
      this.#fill();
    });
    this.#timers.add(timer);
    letter.attempt += 1;
  }
}
