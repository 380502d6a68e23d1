/**
 * Messages of the unordered pipeline that cannot be delivered as they are. They are never given back to the broker,
 * which would send their whole entries again, but tried again here with a growing delay, in case somebody mended the cause.
 */
import type { Clock } from "../../../runtime/clock.ts";
import type { PoisonError } from "../../format/format.ts";
import type { Message } from "../../source/source.ts";
import { createDelays } from "../delays.ts";
import type { OpenDelivery } from "../intake/checkpoint.ts";
import { type PoisonReport, REPORTED } from "../pipeline.ts";
import { exponential, POISON_DELAYS } from "../retry.ts";

export interface Parked<M extends OpenDelivery> {
  readonly mark: M;
  /** Position in its delivery. */
  readonly index: number;
  times: number;
  report: PoisonReport;
}

export interface Parking<M extends OpenDelivery & { readonly owner: unknown }> {
  readonly count: number;
  /** Parks a message, or parks it again; returns how often it was parked. */
  park(mark: M, index: number, message: Message, poison: PoisonError): number;
  /** Positions of the delivery's messages that are parked; undefined when none is. Costs nothing while nothing is parked. */
  of(mark: M): ReadonlyMap<number, unknown> | undefined;
  /** The message got through. Costs nothing while nothing is parked. */
  remove(mark: M, index: number): void;
  /** Forgets the messages whose assignment ended. */
  sweep(): void;
  /** Oldest first, at most 10. */
  reports(): readonly PoisonReport[];
  close(): void;
}

/** @param again called for each message that is due for another try */
export function createParking<M extends OpenDelivery & { readonly owner: unknown }>(
  clock: Clock,
  again: (parked: Parked<M>) => void,
  settled: () => void,
): Parking<M> {
  const parked = new Map<M, Map<number, Parked<M>>>();
  let count = 0;
  const delays = createDelays<Parked<M>>(clock, again, settled);
  return {
    get count() {
      return count;
    },
    park: (mark, index, { id: messageId }, { code, message }) => {
      const report = { topic: mark.delivery.assignment.topic, messageId, code, message };
      let ofDelivery = parked.get(mark);
      if (ofDelivery === undefined) {
        ofDelivery = new Map();
        parked.set(mark, ofDelivery);
      }
      let entry = ofDelivery.get(index);
      if (entry === undefined) {
        entry = { mark, index, times: 0, report };
        ofDelivery.set(index, entry);
        count += 1;
      }
      entry.times += 1;
      entry.report = report;
      delays.add(entry, clock.now() + exponential(POISON_DELAYS, entry.times - 1));
      return entry.times;
    },
    of: (mark) => (count === 0 ? undefined : parked.get(mark)),
    remove: (mark, index) => {
      if (count === 0) return;
      const ofDelivery = parked.get(mark);
      if (!ofDelivery?.delete(index)) return;
      count -= 1;
      if (ofDelivery.size === 0) parked.delete(mark);
    },
    sweep: () => {
      for (const [mark, ofDelivery] of parked) {
        if (mark.owner !== null) continue;
        count -= ofDelivery.size;
        parked.delete(mark);
      }
    },
    reports: () => {
      const reports: PoisonReport[] = [];
      for (const ofDelivery of parked.values()) {
        for (const entry of ofDelivery.values()) {
          if (reports.length === REPORTED) return reports;
          reports.push(entry.report);
        }
      }
      return reports;
    },
    close: () => delays.close(),
  };
}
