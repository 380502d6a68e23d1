/** What the unordered pipeline does with a message that cannot be delivered: dead-letters it, or parks it with its entry. */
import type { PoisonError } from "../../format/format.ts";
import type { Source } from "../../source/source.ts";
import type { Counters } from "../counters.ts";
import { createDeadLetters, deadLetter } from "../intake/dead-letter-retries.ts";
import type { Settings } from "../options.ts";
import type { PoisonReport } from "../pipeline.ts";
import { createParking, type Parked } from "./parking.ts";
import { messageOf, type TrackedDelivery } from "./records.ts";
import { retainOnly } from "./retained-poison.ts";

export interface Poisons {
  /** Parked messages. */
  readonly count: number;
  poisoned(mark: TrackedDelivery, index: number, poison: PoisonError): void;
  /** The message got through. */
  delivered(mark: TrackedDelivery, index: number): void;
  /** One message less of the delivery is to be done. */
  progressed(mark: TrackedDelivery): void;
  /** Forgets the messages whose assignment ended. */
  sweep(): void;
  reports(): readonly PoisonReport[];
  close(): void;
}

export function createPoisons(
  options: Settings,
  counters: Counters,
  pipeline: {
    readonly source: () => Source;
    /** A parked message is due for another try. */
    readonly again: (parked: Parked<TrackedDelivery>) => void;
    /** A message was dead-lettered. */
    readonly done: (mark: TrackedDelivery, index: number) => void;
    readonly settled: () => void;
    /** Bytes that a delivery retains no longer. */
    readonly freed: (bytes: number) => void;
  },
): Poisons {
  const { clock, log, retry, random, deadLetterTopic } = options;
  const { source, again, done, settled, freed } = pipeline;
  const parking = createParking<TrackedDelivery>(clock, again, settled);
  const deadLetters =
    deadLetterTopic === null
      ? null
      : createDeadLetters({ topic: deadLetterTopic, source, counters, retry, clock, random, log });

  /** A few large deliveries must not hold the budget for the sake of a poison each. */
  const progressed = (mark: TrackedDelivery): void => {
    const parked = parking.of(mark);
    if (parked?.size === mark.remaining && mark.retained === null) freed(retainOnly(mark, parked.keys(), source()));
  };

  return {
    get count() {
      return parking.count;
    },
    poisoned: (mark, index, poison) => {
      const message = messageOf(mark, index);
      if (message === undefined) return;
      const { topic } = mark.delivery.assignment;
      if (deadLetters === null) {
        if (parking.park(mark, index, message, poison) > 1) return;
        progressed(mark);
        const fields = { topic, id: message.id, code: poison.code, reason: poison.message, parked: parking.count };
        log.error("message cannot be delivered; it stays parked and is tried again", fields);
        return;
      }
      const wanted = (): boolean => mark.owner !== null;
      deadLetters.publish(deadLetter(message, topic, poison), wanted, () => {
        done(mark, index);
        settled();
      });
    },
    delivered: parking.remove,
    progressed,
    sweep: parking.sweep,
    reports: parking.reports,
    close: () => {
      parking.close();
      deadLetters?.close();
    },
  };
}
