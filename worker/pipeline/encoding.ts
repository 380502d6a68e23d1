import { refuseDefect } from "../format/defect.ts";
import { type Format, PoisonError } from "../format/format.ts";
import type { RequestLimits, SinkFailure } from "../sink/sink.ts";
import type { Message } from "../source/source.ts";

/**
 * The record data of a message that is fit to be sent.
 * @param keyBytes bytes of the partition key
 * @throws PoisonError, and nothing else
 */
export function encodeMessage(
  format: Format,
  limits: RequestLimits,
  message: Message,
  topic: string,
  keyBytes: number,
): Uint8Array {
  refuseDefect(message);
  const data = encode(format, message, topic);
  if (data.byteLength + keyBytes > limits.maxRecordBytes) {
    throw new PoisonError(
      "RecordTooLarge",
      `the record takes ${data.byteLength + keyBytes} bytes and the stream accepts ${limits.maxRecordBytes}; ` +
        "raise MaxRecordSizeInKiB of the stream, or skip the message",
    );
  }
  return data;
}

function encode(format: Format, message: Message, topic: string): Uint8Array {
  try {
    return format.encode(message, topic);
  } catch (error) {
    if (error instanceof PoisonError) throw error;
    // A fault of the format itself: to drop the message or to try for ever would both be worse.
    const reason = error instanceof Error ? error.message : String(error);
    throw new PoisonError("Undecodable", `the message cannot be encoded: ${reason}`, { cause: error });
  }
}

/**
 * What has to be kept of a message's record: null when it is the payload itself, which is found again in less memory than
 * a view of it takes.
 */
export function keptData({ payload }: Message, data: Uint8Array): Uint8Array | null {
  const same = data.buffer === payload.buffer && data.byteOffset === payload.byteOffset;
  return same && data.byteLength === payload.byteLength ? null : data;
}

/** The data of a record that is not kept. */
export function payloadOf(message: Message | undefined): Uint8Array {
  if (message === undefined) throw new Error("the message of a record is gone");
  return message.payload;
}

/** Bytes that a record adds to what the delivery retains anyway. */
export function addedBytes(kept: Uint8Array | null): number {
  return kept?.byteLength ?? 0;
}

/** The poison that the service found: it refuses this record and accepts others. */
export function rejected(failure: SinkFailure): PoisonError {
  return new PoisonError("RejectedByKinesis", `Kinesis refuses this record and accepts others: ${failure.message}`);
}
