/**
 * Messages that can never be delivered, published to the dead-letter topic with the reason in properties. The first two
 * names are those of Pulsar's own dead-letter policy; the rest are ours. An undeliverable dead letter is tried again for ever.
 */

import { fullJitter } from "../../../runtime/backoff.ts";
import type { Timer } from "../../../runtime/clock.ts";
import type { PoisonError } from "../../format/format.ts";
import type { DeadLetter, Message, Source } from "../../source/source.ts";
import type { Counters } from "../counters.ts";
import type { Settings } from "../options.ts";
import { sourceFailureOf } from "./source-failure.ts";

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

class DeadLetterRetries implements DeadLetters {
  readonly #topic: string;
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #source: () => Source;
  readonly #timers = new Set<Timer>();
  #closed = false;

  constructor(topic: string, settings: Settings, counters: Counters, source: () => Source) {
    this.#topic = topic;
    this.#settings = settings;
    this.#counters = counters;
    this.#source = source;
  }

  publish(deadLetter: DeadLetter, wanted: () => boolean, published: () => void): void {
    void this.#attempt(deadLetter, wanted, published, 0);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  async #attempt(deadLetter: DeadLetter, wanted: () => boolean, published: () => void, attempt: number): Promise<void> {
    if (this.#closed) return;
    if (!wanted()) {
      // With it its failure is over.
      if (attempt > 0) this.#counters.sourceFailure = null;
      return;
    }
    try {
      await this.#source().publish(this.#topic, deadLetter);
    } catch (error) {
      if (this.#closed) return;
      this.#failed(deadLetter, error, attempt);
      this.#again(attempt, () => void this.#attempt(deadLetter, wanted, published, attempt + 1));
      return;
    }
    if (this.#closed) return;
    this.#counters.sourceFailure = null;
    this.#counters.deadLettered += 1;
    const fields = { topic: this.#topic, from: deadLetter.topic, id: deadLetter.message.id };
    this.#settings.log.warn("message dead-lettered", fields);
    if (wanted()) published();
  }

  #failed({ message: { id } }: DeadLetter, error: unknown, attempt: number): void {
    this.#counters.sourceFailure = sourceFailureOf(error);
    if (attempt > 0) return;
    this.#settings.log.warn("dead letter not published, trying again", { topic: this.#topic, id, error });
  }

  #again(attempt: number, callback: () => void): void {
    const { clock, retry, random } = this.#settings;
    const timer = clock.timer(fullJitter(retry, attempt, random), () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
  }
}
