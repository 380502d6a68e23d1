/** What a Kinesis record's data is made of: a pure function of message and schema. */
import type { Delivery, Message } from "../source/source.ts";

export type MessageFormat =
  | "ONLY_RAW_PAYLOAD"
  | "FULL_MESSAGE_IN_JSON"
  | "FULL_MESSAGE_IN_FB"
  | "FULL_MESSAGE_IN_JSON_EXPAND_VALUE";

export interface Format {
  /**
   * Makes sure that every schema version which the delivery needs is at hand. Undefined when it already is, which is
   * the rule; then `encode` may be called at once.
   * @throws (rejects with) SourceError when the registry cannot be asked now; call again.
   */
  prepare(delivery: Delivery): Promise<void> | undefined;
  /**
   * The record's data; null when it is the payload itself, so that nothing needs to be made or retained.
   * @param message of an entry without a defect: see `refuseDefect`
   * @throws PoisonError when the message can never be encoded.
   */
  encode(message: Message, topic: string): Uint8Array | null;
}

/** Stable codes of what makes a message impossible to deliver. */
export type PoisonCode =
  | "Undecodable"
  | "CorruptEntry"
  | "EncryptionKeyMissing"
  | "DecryptionFailed"
  | "SchemaMissing"
  | "UnsupportedSchema"
  | "Encrypted"
  | "RecordTooLarge"
  | "RejectedByKinesis";

/** A message that no retry can deliver as it is. */
export class PoisonError extends Error {
  override readonly name = "PoisonError";
  readonly code: PoisonCode;
  constructor(code: PoisonCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Bytes. No Kinesis stream takes a record larger than 10 MiB, whatever its settings. */
export const MAX_RECORD_BYTES = 10 << 20;

/** @throws PoisonError RecordTooLarge, before memory is taken for a record that no stream accepts */
export function refuseTooLarge(recordBytes: number): void {
  if (recordBytes > MAX_RECORD_BYTES) throw recordTooLarge();
}

export function recordTooLarge(): PoisonError {
  return new PoisonError(
    "RecordTooLarge",
    "The record is larger than 10 MiB, which no stream accepts; choose another messageFormat or smaller messages.",
  );
}
