/**
 * Finds the poison in a request that the service refuses as invalid, by bisection: depth first, one part at a time. A
 * record is poison if it is refused alone while another record of the same request is accepted. Where there is no other
 * record it is poison once it was refused several times by a stream that took others before; else the stream may be at
 * fault.
 */
import type { SinkFailure } from "../../sink/sink.ts";
import type { OutboundRecord } from "./outbound-record.ts";

/** Records refused one by one, none accepted, after which the stream is taken to refuse everything. */
const REFUSED_ALONE_LIMIT = 8;

/** Rejections of a record without others beside it, over some 15 s by the breaker's delays, after which it is poison. */
const REJECTIONS = 5;

export interface Bisection<R extends OutboundRecord> {
  /** Parts still to be sent; the last one goes first. */
  readonly parts: R[][];
  /** Refused alone. */
  readonly refused: R[];
  accepted: boolean;
  /** How the service refused the whole. */
  readonly failure: SinkFailure;
}

export interface Conclusion<R> {
  readonly poison: readonly R[];
  /** Each refused alone, and nothing accepted: `Rejections` tell. */
  readonly refusedAlone: readonly R[];
  /** The stream refuses everything: to be tried again slowly. */
  readonly unknown: readonly R[];
}

/** Counts how often records without others beside them were rejected. */
export interface Rejections<R extends OutboundRecord> {
  /** The stream accepted a record: it does not refuse everything. */
  accepted(): void;
  /** Refused alone once more; true: it is poison. */
  rejected(record: R): boolean;
}

export function createRejections<R extends OutboundRecord>(): Rejections<R> {
  const counts = new WeakMap<R, number>();
  let acceptsOthers = false;
  return {
    accepted: () => {
      acceptsOthers = true;
    },
    rejected: (record) => {
      const count = (counts.get(record) ?? 0) + 1;
      counts.set(record, count);
      return acceptsOthers && count >= REJECTIONS && record.userRecords === null;
    },
  };
}

export function bisect<R extends OutboundRecord>(records: readonly R[], failure: SinkFailure): Bisection<R> {
  const bisection: Bisection<R> = { parts: [], refused: [], accepted: false, failure };
  halve(bisection, records);
  return bisection;
}

/** A part was refused: halves it. */
export function halve<R extends OutboundRecord>(bisection: Bisection<R>, part: readonly R[]): void {
  if (part.length <= 1) {
    bisection.refused.push(...part);
    return;
  }
  const middle = part.length >> 1;
  bisection.parts.push(part.slice(middle), part.slice(0, middle));
}

/** The conclusion once nothing is left to be sent, or nothing is to be learned from sending it; else null. */
export function conclude<R extends OutboundRecord>(bisection: Bisection<R>): Conclusion<R> | null {
  const { parts, refused, accepted } = bisection;
  if (!accepted && refused.length >= REFUSED_ALONE_LIMIT) {
    // Those that were not tried alone come first next time, or the same few would hold up all others for ever.
    return { poison: [], refusedAlone: [], unknown: [...parts.splice(0).flat(), ...refused] };
  }
  if (parts.length > 0) return null;
  return accepted
    ? { poison: refused, refusedAlone: [], unknown: [] }
    : { poison: [], refusedAlone: refused, unknown: [] };
}
