/** Remembers, per topic-partition, the message that stops it, and how often it was tried in a row. */

import { exponential } from "../../../runtime/backoff.ts";
import type { PoisonError } from "../../format/format.ts";
import { type PoisonReport, REPORTED } from "../pipeline.ts";
import { POISON_DELAYS } from "../retry.ts";

/**
 * A stopped topic-partition that does not come back within this time after its delay went to another worker; one that
 * comes back with nothing to deliver within it was moved past the poison there.
 */
const GONE_AFTER_MS = 60_000;

export interface Stops {
  /** Notes a stop; returns how often, in a row, this message stopped the topic-partition. */
  stopped(topic: string, messageId: string, poison: PoisonError): number;
  /** True when this message is what stopped the topic-partition last time. */
  knows(topic: string, messageId: string): boolean;
  /** True when the message lies before what stopped the topic-partition last time, in the same entry: it was delivered then. */
  precedes(topic: string, messageId: string): boolean;
  /** The topic-partition is given up for a while: how long, milliseconds. */
  waits(topic: string, now: number): number;
  /** The topic-partition is this worker's again. */
  returned(topic: string, now: number): void;
  /** Something of it was delivered: it will be acknowledged, or stop the topic-partition again. */
  resumed(topic: string): void;
  /** Something beyond the poison was acknowledged, or the topic-partition went to another worker. */
  forget(topic: string): void;
  report(now: number): { readonly poison: readonly PoisonReport[]; readonly poisonCount: number };
}

interface Stop {
  readonly report: PoisonReport;
  readonly times: number;
  /** `Clock.now()` after which it is forgotten unless the topic-partition came back and was delivered from. */
  expiresAt: number;
}

export function createStops(): Stops {
  const stops = new Map<string, Stop>();
  return {
    stopped: (topic, messageId, poison) => {
      const last = stops.get(topic);
      const times = last?.report.messageId === messageId ? last.times + 1 : 1;
      const report = { topic, messageId, code: poison.code, message: poison.message };
      stops.set(topic, { report, times, expiresAt: Number.POSITIVE_INFINITY });
      return times;
    },
    knows: (topic, messageId) => stops.get(topic)?.report.messageId === messageId,
    precedes: (topic, messageId) => {
      const poison = stops.get(topic)?.report.messageId;
      return poison !== undefined && liesBefore(messageId, poison);
    },
    waits: (topic, now) => {
      const stop = stops.get(topic);
      const delay = exponential(POISON_DELAYS, (stop?.times ?? 1) - 1);
      if (stop !== undefined) stop.expiresAt = now + delay + GONE_AFTER_MS;
      return delay;
    },
    returned: (topic, now) => {
      const stop = stops.get(topic);
      if (stop !== undefined) stop.expiresAt = now + GONE_AFTER_MS;
    },
    resumed: (topic) => {
      const stop = stops.get(topic);
      if (stop !== undefined) stop.expiresAt = Number.POSITIVE_INFINITY;
    },
    forget: (topic) => {
      stops.delete(topic);
    },
    report: (now) => {
      for (const [topic, stop] of stops) {
        if (now > stop.expiresAt) stops.delete(topic);
      }
      const poison = [...stops.values()].slice(0, REPORTED).map((stop) => stop.report);
      return { poison, poisonCount: stops.size };
    },
  };
}

/** By the ids of messages in batches, as in `Message.id`: of the same entry, and before. */
function liesBefore(id: string, other: string): boolean {
  const end = id.lastIndexOf(":") + 1;
  if (other.lastIndexOf(":") + 1 !== end || id.slice(0, end) !== other.slice(0, end)) return false;
  return id.split(":").length === 4 && Number(id.slice(end)) < Number(other.slice(end));
}
