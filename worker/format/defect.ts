import type { Message } from "../source/source.ts";
import { PoisonError } from "./format.ts";

/**
 * No format makes a record of an entry that could not be read: its bytes are not what was published.
 * @throws PoisonError CorruptEntry
 */
export function refuseDefect(message: Message): void {
  const { defect } = message.entry;
  if (defect !== null) {
    throw new PoisonError(
      "CorruptEntry",
      `The entry cannot be read: ${defect}. Look at the message with Pulsar's tools, then skip or dead-letter it.`,
    );
  }
}
