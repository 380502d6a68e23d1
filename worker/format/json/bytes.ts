/** A growing buffer of JSON text in UTF-8: what is common to nested and flattened documents. */
import { isUtf8 } from "node:buffer";
import { MAX_RECORD_BYTES, PoisonError, recordTooLarge } from "../format.ts";
import { decodeJavaUtf8, replaceLoneSurrogates } from "../java/utf8.ts";
import { type Marks, markDropped, takeOut } from "./dropped.ts";

/** Bytes that a document may write and drop again, as names come again: so many are more than mistakes of a producer. */
const MAX_DROPPED_BYTES = MAX_RECORD_BYTES;
/** UTF-16 units of a text that are escaped at once. */
const PIECE = 1 << 15;
const FIRST_BYTES = 16 << 10;
/** Bytes; a larger scratch buffer is given up after the message that needed it. */
const MAX_RETAINED_BYTES = 1 << 20;

/** Bytes from which a call into native code pays. */
const LONG_BYTES = 48;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const HEX = Buffer.from("0123456789abcdef");
const BASE64 = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const SHORT_ESCAPES = new Map([
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0c, "\\f"],
  [0x0d, "\\r"],
]);

export class JsonBytes {
  protected bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Bytes written so far. */
  length = 0;
  /** Who knows places in what is written. */
  marks: Marks | null = null;
  #firstDropped = Number.POSITIVE_INFINITY;
  #droppedBytes = 0;

  protected clear(): void {
    this.length = 0;
    this.marks = null;
    this.#firstDropped = Number.POSITIVE_INFINITY;
    this.#droppedBytes = 0;
  }

  /** The document without its last byte as a buffer of its own; the scratch buffer may be used again. */
  protected take(): Buffer {
    if (this.#firstDropped < this.length) this.#takeOut();
    const length = this.length - 1;
    if (length > MAX_RECORD_BYTES) throw recordTooLarge();
    const record = Buffer.allocUnsafe(length);
    this.bytes.copy(record, 0, 0, length);
    if (this.bytes.length > MAX_RETAINED_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    return record;
  }

  protected reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#makeRoom(count);
  }

  /**
   * What was dropped is taken out before the buffer grows, and it grows where less than half of it would be free: so each
   * byte is moved a few times at most.
   */
  #makeRoom(count: number): void {
    if (this.#firstDropped < this.length) {
      this.#takeOut();
      if ((this.length + count) * 2 <= this.bytes.length) return;
    }
    const needed = this.length + count;
    if (this.length > MAX_RECORD_BYTES) throw recordTooLarge();
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** @param byte below 0x100 */
  protected byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  protected ascii(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** Copies `source` from `start` to before `end`. */
  protected copy(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    const { bytes } = this;
    let at = this.length;
    if (count < 64) for (let i = start; i < end; i++) bytes[at++] = source[i] as number;
    else bytes.set(source.subarray(start, end), at);
    this.length += count;
  }

  /** Takes back the members written from `start` to before `end`, both values of `length` that `marks` knows. */
  drop(start: number, end: number): void {
    markDropped(this.bytes, start, end);
    if (start < this.#firstDropped) this.#firstDropped = start;
  }

  #takeOut(): void {
    const length = takeOut(this.bytes, this.#firstDropped, this.length, this.marks);
    this.#droppedBytes += this.length - length;
    this.length = length;
    this.#firstDropped = Number.POSITIVE_INFINITY;
    if (this.#droppedBytes > MAX_DROPPED_BYTES) {
      throw new PoisonError(
        "RecordTooLarge",
        "The payload repeats the names of its members, so that more than 10 MiB of the expanded message were written and dropped again; correct the producer, or choose another messageFormat.",
      );
    }
  }

  protected integer(value: number): void {
    this.ascii(String(value));
  }

  /** A JSON string of any text; half a surrogate pair becomes `?`, as Java writes it in UTF-8. */
  protected quoted(text: string): void {
    const { length } = text;
    this.reserve(length + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) {
        this.quotedSpecial(text);
        return;
      }
      bytes[at++] = unit;
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  private quotedSpecial(text: string): void {
    if (text.length > PIECE) {
      this.quotedPieces(text);
      return;
    }
    const json = JSON.stringify(replaceLoneSurrogates(text));
    this.reserve(json.length * 3);
    this.length += this.bytes.write(json, this.length, "utf8");
  }

  /** Escaped at once, a long text would take six times its memory. */
  private quotedPieces(text: string): void {
    if (text.length > MAX_RECORD_BYTES) throw recordTooLarge();
    this.byte(QUOTE);
    for (let from = 0; from < text.length; ) {
      const to = endOfPiece(text, from);
      const json = JSON.stringify(replaceLoneSurrogates(text.slice(from, to))).slice(1, -1);
      this.reserve(json.length * 3);
      this.length += this.bytes.write(json, this.length, "utf8");
      from = to;
    }
    this.byte(QUOTE);
  }

  /** A JSON string of UTF-8 bytes, malformed ones replaced as Java does. */
  protected quotedUtf8(source: Uint8Array, start: number, end: number): void {
    if (end - start > MAX_RECORD_BYTES) throw recordTooLarge();
    this.reserve((end - start) * 6 + 2);
    const { bytes } = this;
    let at = this.length;
    let seen = 0;
    bytes[at++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = source[i] as number;
      seen |= byte;
      if (byte < 0x20) {
        if (at > MAX_RECORD_BYTES) throw recordTooLarge();
        at = escapeControl(bytes, at, byte);
      } else {
        if (byte === QUOTE || byte === BACKSLASH) bytes[at++] = BACKSLASH;
        bytes[at++] = byte;
      }
    }
    if (seen > 0x7f && !isUtf8(source.subarray(start, end))) {
      this.quoted(decodeJavaUtf8(source.subarray(start, end)));
      return;
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  /** A JSON string of base64 text. */
  protected quotedBase64(source: Uint8Array, from: number, end: number): void {
    let start = from;
    this.reserve(Math.ceil((end - start) / 3) * 4 + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    if (end - start > LONG_BYTES) {
      const text = Buffer.from(source.buffer, source.byteOffset + start, end - start).toString("base64");
      at += bytes.write(text, at, "latin1");
      start = end;
    }
    for (let i = start; i < end; i += 3) {
      const left = end - i;
      const group =
        ((source[i] as number) << 16) |
        ((left > 1 ? (source[i + 1] as number) : 0) << 8) |
        (left > 2 ? (source[i + 2] as number) : 0);
      bytes[at] = BASE64[group >> 18] as number;
      bytes[at + 1] = BASE64[(group >> 12) & 63] as number;
      bytes[at + 2] = left > 1 ? (BASE64[(group >> 6) & 63] as number) : 0x3d;
      bytes[at + 3] = left > 2 ? (BASE64[group & 63] as number) : 0x3d;
      at += 4;
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  /** Replaces the comma after the last member by `close`, or appends it to an empty container. */
  protected closeWith(close: number): void {
    if (this.bytes[this.length - 1] === COMMA) this.bytes[this.length - 1] = close;
    else this.byte(close);
  }
}

/** Not between the halves of a surrogate pair. */
function endOfPiece(text: string, from: number): number {
  const end = from + PIECE;
  if (end >= text.length) return text.length;
  return (text.charCodeAt(end - 1) & 0xfc00) === 0xd800 ? end - 1 : end;
}

function escapeControl(bytes: Buffer, at: number, byte: number): number {
  const text = SHORT_ESCAPES.get(byte);
  if (text !== undefined) return at + bytes.write(text, at, "latin1");
  const end = at + bytes.write("\\u00", at, "latin1");
  bytes[end] = HEX[byte >> 4] as number;
  bytes[end + 1] = HEX[byte & 15] as number;
  return end + 2;
}
