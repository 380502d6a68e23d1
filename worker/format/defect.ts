import type { Message } from "../source/source.ts";
import { PoisonError } from "./format.ts";

/**
 * No record is made of an entry that could not be read: its bytes are not what was published. Asked once for each message,
 * before its format is.
 * @throws PoisonError with the defect's code
 */
export function refuseDefect({ entry: { defect } }: Message): void {
  if (defect === null) return;
  if (defect.code !== "CorruptEntry")
    throw new PoisonError(defect.code, `The message cannot be decrypted: ${defect.message}.`);
  throw new PoisonError(
    "CorruptEntry",
    `The entry cannot be read: ${defect.message}. Look at the message with Pulsar's tools, then skip or dead-letter it.`,
  );
}
