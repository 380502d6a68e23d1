/**
 * Messages that can never be delivered, published to the dead-letter topic with the reason in properties. The first two
 * names are those of Pulsar's own dead-letter policy; the rest are ours. An undeliverable dead letter is tried again for ever.
 */

import { fullJitter, type RetryDelays } from "../../../runtime/backoff.ts";
import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { PoisonError } from "../../format/format.ts";
import { type DeadLetter, type Message, type Source, SourceError } from "../../source/source.ts";
import type { Counters } from "../counters.ts";

export const ORIGIN_TOPIC_PROPERTY = "REAL_TOPIC";
export const ORIGIN_ID_PROPERTY = "ORIGIN_MESSAGE_ID";
export const REASON_CODE_PROPERTY = "KINESIS_SINK_REASON";
export const REASON_PROPERTY = "KINESIS_SINK_MESSAGE";

export interface DeadLetters {
  /**
   * Publishes until the broker's receipt arrives.
   * @param wanted asked before each attempt: false once the message is no longer this worker's
   */
  publish(letter: DeadLetter, wanted: () => boolean, published: () => void): void;
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

export function createDeadLetters(options: {
  topic: string;
  source: () => Source;
  counters: Counters;
  retry: RetryDelays;
  clock: Clock;
  random: () => number;
  log: Logger;
}): DeadLetters {
  const { topic, source, counters, retry, clock, random, log } = options;
  const timers = new Set<Timer>();
  let closed = false;

  const attempt = async (
    letter: DeadLetter,
    wanted: () => boolean,
    published: () => void,
    count: number,
  ): Promise<void> => {
    if (closed) return;
    if (!wanted()) {
      // With it its failure is over.
      if (count > 0) counters.sourceFailure = null;
      return;
    }
    try {
      await source().publish(topic, letter);
    } catch (error) {
      if (closed) return;
      counters.sourceFailure = failureOf(error);
      if (count === 0) log.warn("dead letter not published, trying again", { topic, id: letter.message.id, error });
      const timer = clock.timer(fullJitter(retry, count, random), () => {
        timers.delete(timer);
        void attempt(letter, wanted, published, count + 1);
      });
      timers.add(timer);
      return;
    }
    if (closed) return;
    counters.sourceFailure = null;
    counters.deadLettered += 1;
    log.warn("message dead-lettered", { topic, from: letter.topic, id: letter.message.id });
    if (wanted()) published();
  };

  return {
    publish: (letter, wanted, published) => void attempt(letter, wanted, published, 0),
    close: () => {
      closed = true;
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}

/** What `state().sourceFailure` shows of an error that a source's call threw. */
export function failureOf(error: unknown): { code: SourceError["code"]; message: string } {
  if (error instanceof SourceError) return { code: error.code, message: error.message };
  return { code: "ProtocolError", message: error instanceof Error ? error.message : String(error) };
}
