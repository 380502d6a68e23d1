/** ONLY_RAW_PAYLOAD: the record is the payload, byte for byte. */
import type { Format } from "./format.ts";

export function rawPayloadFormat(): Format {
  return { prepare: () => undefined, encode: () => null };
}
