/** What one PutRecords request carries. */
import type { KinesisRecord, RequestLimits } from "../../sink/sink.ts";

/** A record ready to be sent. Its data may be made anew each time it is asked for. */
export interface OutboundRecord extends KinesisRecord {
  /** Of the data. */
  readonly dataBytes: number;
  /** Data plus partition key, bytes: what the service's limits count. */
  readonly bytes: number;
  /** The user records of an aggregate, two or more; null: the record is a user record itself. */
  readonly userRecords: readonly OutboundRecord[] | null;
}

/** User records in it. */
export function userRecordCount(record: OutboundRecord): number {
  return record.userRecords === null ? 1 : record.userRecords.length;
}

export interface Batch<R extends OutboundRecord> {
  readonly records: R[];
  bytes: number;
  /** What may be sent now, at least 1; the limits of a request apply beside it. */
  readonly room: number;
}

export function emptyBatch<R extends OutboundRecord>(room = Number.POSITIVE_INFINITY): Batch<R> {
  return { records: [], bytes: 0, room };
}

/** True when `record` may join. An empty batch takes any record: one above `maxBytes` goes in a request of its own. */
export function admits<R extends OutboundRecord>(batch: Batch<R>, record: R, limits: RequestLimits): boolean {
  const count = batch.records.length;
  if (count === 0) return true;
  return count < limits.maxRecords && count < batch.room && batch.bytes + record.bytes <= limits.maxBytes;
}

export function add<R extends OutboundRecord>(batch: Batch<R>, record: R): void {
  batch.records.push(record);
  batch.bytes += record.bytes;
}
