/**
 * Finds the poison in a request that the service refuses as invalid, by bisection: depth first, one part at a time. A
 * record is poison only if it is refused alone while another record of the same request is accepted; when nothing is
 * accepted the stream is at fault, not the records.
 */
import type { SinkFailure } from "../sink/sink.ts";
import type { Outgoing } from "./batch.ts";

/** Records refused one by one, none accepted, after which the stream is taken to refuse everything. */
const REFUSED_ALONE_LIMIT = 8;

export interface Suspects<R extends Outgoing> {
  /** Parts still to be sent; the last one goes first. */
  readonly parts: R[][];
  /** Refused alone. */
  readonly refused: R[];
  accepted: boolean;
  /** How the service refused the whole. */
  readonly failure: SinkFailure;
}

export interface Verdict<R> {
  readonly poison: readonly R[];
  /** Refused together with everything else: to be tried again slowly. */
  readonly unknown: readonly R[];
}

export function suspect<R extends Outgoing>(records: readonly R[], failure: SinkFailure): Suspects<R> {
  const suspects: Suspects<R> = { parts: [], refused: [], accepted: false, failure };
  refuse(suspects, records);
  return suspects;
}

/** A part was refused: halves it. */
export function refuse<R extends Outgoing>(suspects: Suspects<R>, part: readonly R[]): void {
  if (part.length <= 1) {
    suspects.refused.push(...part);
    return;
  }
  const middle = part.length >> 1;
  suspects.parts.push(part.slice(middle), part.slice(0, middle));
}

/** The verdict once nothing is left to be sent, or nothing is to be learned from sending it; else null. */
export function conclude<R extends Outgoing>(suspects: Suspects<R>): Verdict<R> | null {
  const { parts, refused, accepted } = suspects;
  if (!accepted && refused.length >= REFUSED_ALONE_LIMIT) {
    return { poison: [], unknown: [...refused, ...parts.splice(0).flat()] };
  }
  if (parts.length > 0) return null;
  return accepted ? { poison: refused, unknown: [] } : { poison: [], unknown: refused };
}
