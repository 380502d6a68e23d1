/** Pulsar's primitive schemas, as Java's clients write them: big-endian, of fixed length. */
import { PoisonError } from "../format.ts";
import { isoDate, isoDateTime, isoInstant, isoTime } from "../java/iso-time.ts";
import { doubleJson, floatJson } from "../java/number.ts";
import type { DecodeValue } from "../json/writer.ts";

const DECODERS: Readonly<Record<string, DecodeValue>> = {
  BYTES: (writer, payload) => writer.base64(payload, 0, payload.length),
  STRING: (writer, payload) => writer.utf8(payload, 0, payload.length),
  BOOLEAN: ofLength(1, (view) => String(view.getUint8(0) !== 0)),
  INT8: ofLength(1, (view) => String(view.getInt8(0))),
  INT16: ofLength(2, (view) => String(view.getInt16(0))),
  INT32: ofLength(4, (view) => String(view.getInt32(0))),
  INT64: ofLength(8, (view) => String(view.getBigInt64(0))),
  FLOAT: ofLength(4, (view) => floatJson(view.getFloat32(0))),
  DOUBLE: ofLength(8, (view) => doubleJson(view.getFloat64(0))),
  // Epoch milliseconds, all three; of a TIME Java shows the time of day.
  DATE: ofLength(8, (view) => String(view.getBigInt64(0))),
  TIMESTAMP: ofLength(8, (view) => String(view.getBigInt64(0))),
  TIME: ofLength(8, (view) => quoted(timeOfDay(view.getBigInt64(0)))),
  INSTANT: ofLength(12, (view) => quoted(isoInstant(view.getBigInt64(0), view.getInt32(8)))),
  LOCAL_DATE: ofLength(8, (view) => quoted(isoDate(view.getBigInt64(0)))),
  LOCAL_TIME: ofLength(8, (view) => quoted(isoTime(view.getBigInt64(0)))),
  LOCAL_DATE_TIME: ofLength(16, (view) => quoted(isoDateTime(view.getBigInt64(0), view.getBigInt64(8)))),
};

/** @returns null when `type` is no primitive schema */
export function primitiveDecoder(type: string): DecodeValue | null {
  return (Object.hasOwn(DECODERS, type) ? DECODERS[type] : null) ?? null;
}

function ofLength(length: number, json: (view: DataView) => string): DecodeValue {
  return (writer, payload) => {
    if (payload.length !== length) {
      throw undecodable(`it has ${payload.length} bytes where its schema has ${length}`);
    }
    writer.literal(json(new DataView(payload.buffer, payload.byteOffset, length)));
  };
}

function timeOfDay(epochMillis: bigint): string | null {
  const millis = ((epochMillis % 86_400_000n) + 86_400_000n) % 86_400_000n;
  return isoTime((millis / 1000n) * 1_000_000_000n);
}

function quoted(text: string | null): string {
  if (text === null) throw undecodable("its date or time is out of range");
  return `"${text}"`;
}

function undecodable(reason: string): PoisonError {
  return new PoisonError("Undecodable", `The payload does not fit its schema: ${reason}.`);
}
