import { isMemoryShortage } from "../../../runtime/memory-shortage.ts";
import { refuseDefect } from "../../format/defect.ts";
import { type Format, PoisonError } from "../../format/format.ts";
import type { RequestLimits, SinkFailure } from "../../sink/sink.ts";
import type { Message } from "../../source/source.ts";

/** There is no memory for the record now: that says nothing of the message, which is no poison. */
export class NotNowError extends Error {
  override readonly name = "NotNowError";
}

/**
 * The record data of a message that is fit to be sent; null when it is the payload, which is found again in less memory
 * than a view of it takes.
 * @param keyBytes bytes of the partition key
 * @throws PoisonError, NotNowError, and nothing else
 */
export function encodeMessage(
  format: Format,
  limits: RequestLimits,
  message: Message,
  topic: string,
  keyBytes: number,
): Uint8Array | null {
  refuseDefect(message);
  const data = encode(format, message, topic);
  const recordBytes = dataBytes(message, data) + keyBytes;
  if (recordBytes > limits.maxRecordBytes) {
    throw new PoisonError(
      "RecordTooLarge",
      `the record takes ${recordBytes} bytes and the stream accepts ${limits.maxRecordBytes}; ` +
        "raise MaxRecordSizeInKiB of the stream, or skip the message",
    );
  }
  return data;
}

/** @param data as {@link encodeMessage} returns it */
export function dataBytes({ payloadBytes }: Message, data: Uint8Array | null): number {
  return data?.byteLength ?? payloadBytes;
}

function encode(format: Format, message: Message, topic: string): Uint8Array | null {
  try {
    return format.encode(message, topic);
  } catch (error) {
    if (error instanceof PoisonError) throw error;
    if (isMemoryShortage(error)) {
      throw new NotNowError("there is no memory to encode a message now", { cause: error });
    }
    // A fault of the format itself: to drop the message or to try for ever would both be worse.
    const reason = error instanceof Error ? error.message : String(error);
    throw new PoisonError("Undecodable", `the message cannot be encoded: ${reason}`, { cause: error });
  }
}

/** The data of a record that was not encoded anew. */
export function payloadOf(message: Message | undefined): Uint8Array {
  if (message === undefined) throw new Error("the message of a record is gone");
  return message.payload;
}

/** Bytes that a record adds to what the delivery retains anyway. */
export function addedBytes(data: Uint8Array | null): number {
  return data?.byteLength ?? 0;
}

/** The poison that the service found: it refuses this record and accepts others. */
export function rejected(failure: SinkFailure): PoisonError {
  return new PoisonError("RejectedByKinesis", `Kinesis refuses this record and accepts others: ${failure.message}`);
}
