/** Text as Java reads it from UTF-8 and writes it there: neither ever fails. */
import { isUtf8 } from "node:buffer";

const REPLACEMENT = "\ufffd";

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
  let text = "";
  let from = 0;
  for (let at = 0; at + 1 < buffer.length; at++) {
    if (buffer[at] !== 0xed || ((buffer[at + 1] ?? 0) & 0xe0) !== 0xa0) continue;
    const length = isContinuation(buffer[at + 2]) ? 3 : 2;
    text += buffer.toString("utf8", from, at) + REPLACEMENT;
    from = at + length;
    at = from - 1;
  }
  return text + buffer.toString("utf8", from);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
