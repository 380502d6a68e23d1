/** ONLY_RAW_PAYLOAD: the record is the payload, byte for byte. */
import { refuseDefect } from "./defect.ts";
import type { Format } from "./format.ts";

export function rawPayloadFormat(): Format {
  return {
    prepare: () => undefined,
    encode(message) {
      refuseDefect(message);
      return null;
    },
  };
}
