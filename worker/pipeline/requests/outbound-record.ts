import type { KinesisRecord } from "../../sink/sink.ts";

/** What a request carries: a user record, or an aggregate of them. Its data may be made anew each time it is asked for. */
export interface OutboundRecord extends KinesisRecord {
  /** Of the data. */
  readonly dataBytes: number;
  /** Data plus partition key, bytes: what the service's limits count. */
  readonly bytes: number;
  /** The user records of an aggregate, two or more; null: the record is a user record itself. */
  readonly userRecords: readonly OutboundRecord[] | null;
  /** False when it was withdrawn, or must not be written at this `Clock.now()`. */
  mayWrite(now: number): boolean;
  /** `Clock.now()` until which it may be on its way, once it was sent: withdrawn or not. Infinity: for as long as it takes. */
  readonly writableUntil: number;
}

/** User records in it. */
export function userRecordCount(record: OutboundRecord): number {
  return record.userRecords === null ? 1 : record.userRecords.length;
}

/** `Clock.now()` until which all of them may be on their way. */
export function writableUntil(records: readonly OutboundRecord[]): number {
  let until = Number.POSITIVE_INFINITY;
  for (const record of records) until = Math.min(until, record.writableUntil);
  return until;
}
