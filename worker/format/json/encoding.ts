/**
 * The encodings in which Jackson, hence the Java sink, reads JSON: UTF-8, also where it is not quite that, and UTF-16 and
 * UTF-32, which the first bytes tell.
 */
import { isUtf8 } from "node:buffer";
import { PoisonError } from "../format.ts";
import { Utf8Text } from "./utf8-text.ts";

/** A byte that no UTF-8 text has. */
const NO_TEXT = Buffer.from([0xff]);

/**
 * The document in UTF-8, without byte order mark; `payload` itself, or a part of it, if it is in UTF-8. The first byte
 * that cannot be read stays, for it does not count behind the first value; what follows it is left out.
 * @throws PoisonError Undecodable
 */
export function jsonInUtf8(payload: Uint8Array): Uint8Array {
  const first = payload[0] ?? 1;
  const second = payload[1] ?? 1;
  if (first !== 0 && second !== 0 && first < 0xef) return fromUtf8(payload);
  const mark = payload.length < 4 ? 0 : new DataView(payload.buffer, payload.byteOffset).getUint32(0);
  if (mark === 0xfeff) return fromUtf32(payload.subarray(4), false);
  if (mark === 0xfffe0000) return fromUtf32(payload.subarray(4), true);
  if (mark >>> 16 === 0xfeff) return fromUtf16(payload.subarray(2), "utf-16be");
  if (mark >>> 16 === 0xfffe) return fromUtf16(payload.subarray(2), "utf-16le");
  if (mark >>> 8 === 0xefbbbf) return fromUtf8(payload.subarray(3));
  if (payload.length >= 4) {
    if (mark >>> 8 === 0) return fromUtf32(payload, false);
    if ((mark & 0xffffff) === 0) return fromUtf32(payload, true);
  }
  if (first === 0 && payload.length > 1) return fromUtf16(payload, "utf-16be");
  if (second === 0) return fromUtf16(payload, "utf-16le");
  return fromUtf8(payload);
}

function fromUtf8(text: Uint8Array): Uint8Array {
  return isUtf8(text) ? text : repaired(text);
}

function fromUtf16(bytes: Uint8Array, encoding: "utf-16be" | "utf-16le"): Uint8Array {
  return Buffer.from(new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes));
}

function fromUtf32(bytes: Uint8Array, littleEndian: boolean): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = new Utf8Text(bytes.length);
  for (let at = 0; at < bytes.length; at += 4) {
    const code = at + 4 > bytes.length ? -1 : view.getUint32(at, littleEndian);
    if (code < 0 || code > 0x10ffff) throw new PoisonError("Undecodable", "The payload is not valid JSON in UTF-32.");
    text.add(code);
  }
  return text.finish();
}

/**
 * Reads what Jackson lets pass: characters in more bytes than they need, and halves of surrogate pairs in three bytes each
 * (CESU-8, in which some databases export). A pair becomes its character, a lone half `?`.
 */
function repaired(source: Uint8Array): Uint8Array {
  const text = new Utf8Text(source.length);
  for (let at = 0; at < source.length; ) {
    const lead = source[at] as number;
    const length = lengthOf(lead);
    let code = length === 1 ? lead : lead & (0x7f >> length);
    for (let i = 1; i < length; i++) {
      const byte = source[at + i] ?? 0;
      code = (byte & 0xc0) === 0x80 ? (code << 6) | (byte & 0x3f) : Number.NaN;
      if (Number.isNaN(code)) break;
    }
    if (length === 0 || Number.isNaN(code)) return text.finish(NO_TEXT);
    if ((length === 2 || length === 3) && code < 0x80) text.escape(code);
    else if (length < 4) text.add(code);
    else {
      const offset = code - 0x10000;
      text.add((0xd800 | (offset >> 10)) & 0xffff);
      text.add(0xdc00 | (offset & 0x3ff));
    }
    at += length;
  }
  return text.finish();
}

/** Bytes of the character that begins with `lead`; 0 when none does. */
function lengthOf(lead: number): number {
  if (lead < 0x80) return 1;
  if ((lead & 0xe0) === 0xc0) return 2;
  if ((lead & 0xf0) === 0xe0) return 3;
  return (lead & 0xf8) === 0xf0 ? 4 : 0;
}
