/** ONLY_RAW_PAYLOAD: the record is the payload, byte for byte. */
import type { Message } from "../source/source.ts";
import { refuseDefect } from "./defect.ts";
import type { Format } from "./format.ts";

/** @returns a format whose records alias `message.payload` */
export function rawFormat(): Format {
  return {
    prepare: () => undefined,
    encode(message: Message): Uint8Array {
      refuseDefect(message);
      return message.payload;
    },
  };
}
