/** Text in UTF-8, made of one character after the other: a string of each would take far more memory than the text. */
const QUESTION_MARK = 0x3f;
const BACKSLASH = 0x5c;
const HEX = Buffer.from("0123456789abcdef");
/** Bytes of an escape, the longest that is added at once. */
const LONGEST = 6;

export class Utf8Text {
  #bytes: Buffer;
  #length = 0;
  /** The first half of a surrogate pair, 0 when there is none. */
  #high = 0;

  /** @param expected bytes; there may be more */
  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafeSlow(expected + 2 * LONGEST);
  }

  /** @param code a character, or half a surrogate pair: a pair becomes its character, a lone half `?` */
  add(code: number): void {
    const isLow = code >= 0xdc00 && code <= 0xdfff;
    const high = this.#high;
    this.#high = 0;
    if (high !== 0 && isLow) {
      this.#put(0x10000 + ((high & 0x3ff) << 10) + (code & 0x3ff));
      return;
    }
    if (high !== 0) this.#put(QUESTION_MARK);
    if (code >= 0xd800 && code <= 0xdbff) this.#high = code;
    else this.#put(isLow ? QUESTION_MARK : code);
  }

  /** @param code below 0x80, which is written as JSON's escape */
  escape(code: number): void {
    if (this.#high !== 0) this.#put(QUESTION_MARK);
    this.#high = 0;
    // Makes room for all six.
    this.#put(BACKSLASH);
    const bytes = this.#bytes;
    bytes[this.#length] = 0x75;
    bytes[this.#length + 1] = 0x30;
    bytes[this.#length + 2] = 0x30;
    bytes[this.#length + 3] = HEX[code >> 4] as number;
    bytes[this.#length + 4] = HEX[code & 15] as number;
    this.#length += LONGEST - 1;
  }

  /** @returns the text, and `tail` behind it */
  finish(tail?: Uint8Array): Uint8Array {
    if (this.#high !== 0) this.#put(QUESTION_MARK);
    const text = this.#bytes.subarray(0, this.#length);
    return tail === undefined ? text : Buffer.concat([text, tail]);
  }

  #put(code: number): void {
    if (this.#length + LONGEST > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], this.#bytes.length * 2);
    const bytes = this.#bytes;
    let at = this.#length;
    if (code < 0x80) bytes[at++] = code;
    else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
      bytes[at++] = 0x80 | (code & 0x3f);
    } else {
      if (code < 0x10000) bytes[at++] = 0xe0 | (code >> 12);
      else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[at++] = 0x80 | (code & 0x3f);
    }
    this.#length = at;
  }
}
