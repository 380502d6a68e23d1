/** Text as Java reads it from UTF-8 and writes it there: neither ever fails. */
import { isUtf8 } from "node:buffer";

const REPLACEMENT = Buffer.from("\ufffd");

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Java's `getBytes(UTF_8)` writes half a surrogate pair as `?`. */
export function replaceLoneSurrogates(text: string): string {
  return text.isWellFormed() ? text : text.replace(LONE_SURROGATE, "?");
}

/**
 * `new String(bytes, UTF_8)`: malformed input becomes U+FFFD. Differs from the WHATWG rules, which Node.js follows, in one
 * thing: a surrogate in three bytes (ED A0–BF xx) becomes one U+FFFD instead of three.
 */
export function decodeJavaUtf8(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (isUtf8(bytes)) return buffer.toString("utf8");
  return withoutSurrogates(buffer).toString("utf8");
}

/** With each surrogate in three bytes, cut off or not, replaced: so many texts as there may be of them are never made. */
function withoutSurrogates(bytes: Buffer): Buffer {
  const replaced = Buffer.allocUnsafe(bytes.length + (bytes.length >> 1) + 1);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0xed && ((bytes[at + 1] ?? 0) & 0xe0) === 0xa0) {
      replaced.set(REPLACEMENT, length);
      length += REPLACEMENT.length;
      at += isContinuation(bytes[at + 2]) ? 3 : 2;
    } else replaced[length++] = bytes[at++] as number;
  }
  return replaced.subarray(0, length);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
