/**
 * Messages of the unordered pipeline that cannot be delivered as they are. They are never given back to the broker,
 * which would send their whole entries again, but tried again here with a growing delay, in case somebody mended the cause.
 */
import type { PoisonError } from "../../format/format.ts";
import type { Message } from "../../source/source.ts";
import { type PoisonReport, REPORTED } from "../pipeline.ts";
import type { TrackedDelivery } from "./tracked-delivery.ts";

export interface Parked {
  readonly openDelivery: TrackedDelivery;
  /** Position in its delivery. */
  readonly index: number;
  /** How often it was parked. */
  times: number;
  report: PoisonReport;
}

export interface Parking {
  readonly count: number;
  /** Parks a message, or parks it again. */
  park(open: TrackedDelivery, index: number, message: Message, poison: PoisonError): Parked;
  /** Positions of the delivery's messages that are parked; undefined when none is. Costs nothing while nothing is parked. */
  of(open: TrackedDelivery): ReadonlyMap<number, unknown> | undefined;
  /** The message got through; true: it was parked. Costs nothing while nothing is parked. */
  remove(open: TrackedDelivery, index: number): boolean;
  /** Forgets the messages whose assignment ended. */
  sweep(): void;
  /** Oldest first, at most 10. */
  reports(): readonly PoisonReport[];
}

export function createParking(): Parking {
  const parked = new Map<TrackedDelivery, Map<number, Parked>>();
  let count = 0;
  return {
    get count() {
      return count;
    },
    park: (open, index, { id: messageId }, { code, message }) => {
      const report = { topic: open.delivery.assignment.topic, messageId, code, message };
      let ofDelivery = parked.get(open);
      if (ofDelivery === undefined) {
        ofDelivery = new Map();
        parked.set(open, ofDelivery);
      }
      let entry = ofDelivery.get(index);
      if (entry === undefined) {
        entry = { openDelivery: open, index, times: 0, report };
        ofDelivery.set(index, entry);
        count += 1;
      }
      entry.times += 1;
      entry.report = report;
      return entry;
    },
    of: (open) => (count === 0 ? undefined : parked.get(open)),
    remove: (open, index) => {
      if (count === 0) return false;
      const ofDelivery = parked.get(open);
      if (!ofDelivery?.delete(index)) return false;
      count -= 1;
      if (ofDelivery.size === 0) parked.delete(open);
      return true;
    },
    sweep: () => {
      for (const [open, ofDelivery] of parked) {
        if (open.owner !== null) continue;
        count -= ofDelivery.size;
        parked.delete(open);
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
  };
}
