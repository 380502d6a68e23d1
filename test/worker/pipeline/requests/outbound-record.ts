/** A record made up for tests. */
import type { OutboundRecord } from "../../../../worker/pipeline/requests/outbound-record.ts";

/** @param bytes data and key */
export function record(name: string, bytes = 10): OutboundRecord {
  return {
    data: Buffer.from(name),
    dataBytes: Buffer.byteLength(name),
    partitionKey: name,
    bytes,
    userRecords: null,
    mayWrite: () => true,
    writableUntil: Number.POSITIVE_INFINITY,
  };
}
