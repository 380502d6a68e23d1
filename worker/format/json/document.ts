/** A JSON document as the Java sink reads it: numbers exact, and what follows the first value does not count. */
import { PoisonError } from "../format.ts";
import { jsonInUtf8 } from "./encoding.ts";
import { MemberLog } from "./member-log.ts";
import type { JsonWriter } from "./writer.ts";

/** Digits of one number with those of its exponent, and the largest exponent: what Jackson, hence the Java sink, accepts. */
const MAX_NUMBER_DIGITS = 1000;
const MAX_EXPONENT = 2 ** 31 - 1;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const LITERALS = new Map([
  [0x74, Buffer.from("true")],
  [0x66, Buffer.from("false")],
  [0x6e, Buffer.from("null")],
]);

const SIMPLE_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const EMPTY = new Uint8Array();

function invalid(reason: string): PoisonError {
  return new PoisonError("Undecodable", `The payload is not valid JSON: ${reason}.`);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39;
}

/** What may continue a word, so that `truex` is not `true`. */
function isWordByte(byte: number): boolean {
  return isDigit(byte) || byte === 0x5f || byte >= 0x7f || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a);
}

/** The UTF-16 unit of four hexadecimal digits, or -1. */
function hex4(source: Uint8Array, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = source[i] ?? 0;
    const digit = isDigit(byte)
      ? byte - ZERO
      : (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66
        ? (byte | 0x20) - 0x57
        : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

/** Reads one document after the other; not reentrant. */
export class JsonDocument {
  #source: Uint8Array = EMPTY;
  /** Whether #source is our own copy, which may be changed. */
  #copied = false;
  #at = 0;
  #hash = 0;
  readonly #log = new MemberLog();

  /**
   * Writes the first value of `payload`; `null` when there is none.
   * @throws PoisonError Undecodable
   */
  write(writer: JsonWriter, payload: Uint8Array): void {
    this.#source = jsonInUtf8(payload);
    this.#copied = false;
    this.#log.reset(writer);
    this.#at = 0;
    const first = this.#next();
    if (first < 0) writer.literal("null");
    else {
      this.#value(writer, first);
      this.#endOfRoot(first);
    }
    this.#source = EMPTY;
  }

  /** A number or word must not run into what follows it. */
  #endOfRoot(first: number): void {
    const next = this.#source[this.#at];
    if (next === undefined || first === 0x7b || first === 0x5b || first === QUOTE) return;
    const ends = LITERALS.has(first) ? !isWordByte(next) : isSpace(next);
    if (!ends) throw invalid(`unexpected text after the value at byte ${this.#at}`);
  }

  /** The byte after white space, -1 at the end. It is not consumed. */
  #next(): number {
    const source = this.#source;
    const { length } = source;
    let at = this.#at;
    while (at < length && isSpace(source[at] as number)) at++;
    this.#at = at;
    return at < length ? (source[at] as number) : -1;
  }

  #value(writer: JsonWriter, first: number): void {
    if (first === QUOTE) {
      const start = this.#at;
      this.#string(false);
      writer.json(this.#source, start, this.#at);
    } else if (first === 0x7b) this.#object(writer);
    else if (first === 0x5b) this.#array(writer);
    else if (first === MINUS || (first >= ZERO && first <= 0x39)) this.#number(writer);
    else this.#word(writer, first);
  }

  #object(writer: JsonWriter): void {
    this.#at++;
    writer.objectStart();
    this.#log.open();
    let next = this.#next();
    while (next !== 0x7d) {
      if (next !== QUOTE) throw this.#unexpected("a name");
      this.#name(writer);
      if (this.#next() !== 0x3a) throw this.#unexpected("a colon");
      this.#at++;
      this.#value(writer, this.#next());
      next = this.#next();
      if (next === 0x2c) {
        this.#at++;
        next = this.#next();
        if (next === 0x7d) throw this.#unexpected("a name");
      } else if (next !== 0x7d) throw this.#unexpected("a comma or the end of the object");
    }
    this.#at++;
    this.#log.close();
    writer.objectEnd();
  }

  #name(writer: JsonWriter): void {
    const start = this.#at + 1;
    const escaped = this.#string(true);
    const end = escaped ? this.#canonical(start, this.#at - 1) : this.#at - 1;
    this.#log.add(writer, this.#source, start, end, this.#hash);
    writer.memberJson(this.#source, start, end);
  }

  /**
   * Brings an escaped name into the one form that all equal names share, in place: it is never longer, and white space
   * may stand between it and its colon. @returns its end
   */
  #canonical(start: number, end: number): number {
    const source = this.#own();
    const name = JSON.stringify(JSON.parse(source.toString("utf8", start - 1, end + 1)));
    const newEnd = start - 1 + source.write(name, start - 1, "utf8") - 1;
    source.fill(" ", newEnd + 1, end + 1);
    let hash = 0;
    for (let i = start; i < newEnd; i++) hash = (Math.imul(hash, 31) + (source[i] as number)) | 0;
    this.#hash = hash;
    return newEnd;
  }

  #array(writer: JsonWriter): void {
    this.#at++;
    writer.arrayStart();
    let next = this.#next();
    while (next !== 0x5d) {
      writer.element();
      this.#value(writer, next);
      next = this.#next();
      if (next === 0x2c) {
        this.#at++;
        next = this.#next();
        if (next === 0x5d) throw this.#unexpected("a value");
      } else if (next !== 0x5d) throw this.#unexpected("a comma or the end of the array");
    }
    this.#at++;
    writer.arrayEnd();
  }

  /** Steps over a string. @returns whether it has escapes; the hash of its bytes is in #hash */
  #string(isName: boolean): boolean {
    const source = this.#source;
    const { length } = source;
    let escaped = false;
    let hash = 0;
    let at = this.#at + 1;
    for (; at < length; at++) {
      const byte = source[at] as number;
      if (byte === QUOTE) break;
      if (byte < 0x20) throw invalid(`a control character in a string at byte ${at}`);
      if (isName) hash = (Math.imul(hash, 31) + byte) | 0;
      if (byte === BACKSLASH) {
        escaped = true;
        at = this.#escape(at);
      }
    }
    if (at >= length) throw invalid(source[length - 1] === 0xff ? "it is not UTF-8" : "it ends inside a string");
    this.#at = at + 1;
    this.#hash = hash;
    return escaped;
  }

  /** Steps over the escape at `at`; half a surrogate pair becomes `?`. @returns the place of its last byte */
  #escape(at: number): number {
    const source = this.#source;
    const kind = source[at + 1];
    if (kind !== 0x75) {
      if (kind === undefined || !SIMPLE_ESCAPES.has(kind)) throw invalid(`an unknown escape at byte ${at}`);
      return at + 1;
    }
    const unit = hex4(source, at + 2);
    if (unit < 0) throw invalid(`an incomplete escape at byte ${at}`);
    if ((unit & 0xf800) !== 0xd800) return at + 5;
    const isPair = unit < 0xdc00 && source[at + 6] === BACKSLASH && source[at + 7] === 0x75;
    if (isPair && (hex4(source, at + 8) & 0xfc00) === 0xdc00) return at + 11;
    this.#own().write("\\u003f", at, "latin1");
    return at + 5;
  }

  /** The source as our own copy: same places, may be changed. */
  #own(): Buffer {
    if (!this.#copied) this.#source = Buffer.copyBytesFrom(this.#source);
    this.#copied = true;
    return this.#source as Buffer;
  }

  #number(writer: JsonWriter): void {
    const start = this.#at;
    const negative = this.#source[start] === MINUS;
    if (negative) this.#at++;
    let isZero = true;
    const integer = this.#at;
    if (this.#source[integer] === ZERO) this.#at++;
    else isZero = this.#digits();
    let digits = this.#at - integer;
    if (this.#source[this.#at] === 0x2e) {
      const fraction = ++this.#at;
      isZero = this.#digits() && isZero;
      digits += this.#at - fraction;
    }
    if (((this.#source[this.#at] ?? 0) | 0x20) === 0x65) digits += this.#exponent();
    if (digits > MAX_NUMBER_DIGITS) throw invalid(`a number of more than ${MAX_NUMBER_DIGITS} digits`);
    // Java's decimals know no negative zero.
    writer.json(this.#source, negative && isZero ? integer : start, this.#at);
  }

  /** Steps over one digit or more. @returns whether all are 0 */
  #digits(): boolean {
    const start = this.#at;
    let zero = true;
    for (let byte = this.#source[this.#at]; isDigit(byte); byte = this.#source[++this.#at])
      if (byte !== ZERO) zero = false;
    if (this.#at === start) throw this.#unexpected("a digit");
    return zero;
  }

  /** @returns how many digits it has */
  #exponent(): number {
    this.#at++;
    const sign = this.#source[this.#at];
    if (sign === MINUS || sign === 0x2b) this.#at++;
    const start = this.#at;
    this.#digits();
    const exponent = Number(Buffer.from(this.#source.subarray(start, this.#at)).toString("latin1"));
    if (exponent > MAX_EXPONENT) throw invalid(`an exponent out of range at byte ${start}`);
    return this.#at - start;
  }

  #word(writer: JsonWriter, first: number): void {
    const word = LITERALS.get(first);
    const start = this.#at;
    if (
      word === undefined ||
      word.compare(this.#source, start, Math.min(start + word.length, this.#source.length)) !== 0
    ) {
      throw this.#unexpected("a value");
    }
    this.#at += word.length;
    writer.json(this.#source, start, this.#at);
  }

  #unexpected(wanted: string): PoisonError {
    const where = this.#at < this.#source.length ? `at byte ${this.#at}` : "but the payload ends";
    return invalid(`${wanted} was expected ${where}`);
  }
}
