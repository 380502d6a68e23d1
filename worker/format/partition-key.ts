/** Which shard a message lands on: the Kinesis partition key of a Pulsar message, by the Java sink's rule. */
import type { Message } from "../source/source.ts";
import { replaceLoneSurrogates } from "./java/utf8.ts";

/** Kinesis accepts at most this many characters (UTF-16 units, as the Java sink counts). */
const MAX_LENGTH = 256;
/** What the Java sink cuts a longer key to; kept so that keys stay on their shard after a migration. */
const CUT_LENGTH = 255;

/**
 * The message's key as text (base64 when the producer set bytes); without a key, or with an empty one, `topic`. Longer
 * than 256 UTF-16 units: the first 255. Half a surrogate pair becomes `?`, as Java writes it in UTF-8. The result is
 * well-formed and 1–256 units long.
 *
 * @param topic the topic-partition as clients report it, with its `-partition-N` suffix
 */
export function partitionKey(message: Message, topic: string): string {
  const { key } = message;
  let chosen = key !== null && key.length > 0 ? key : topic.length > 0 ? topic : "default";
  if (chosen.length > MAX_LENGTH) chosen = chosen.slice(0, CUT_LENGTH);
  return replaceLoneSurrogates(chosen);
}

/** As {@link partitionKey}, but messages without a key are spread over the shards, each by its own id. Unordered only. */
export function spreadKey(message: Message, topic: string): string {
  return message.key === null || message.key === "" ? message.id : partitionKey(message, topic);
}
