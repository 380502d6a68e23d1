/** What one PutRecords request carries. */
import type { RequestLimits } from "../../sink/sink.ts";
import type { OutboundRecord } from "./outbound-record.ts";

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
