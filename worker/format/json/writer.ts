/**
 * What decoders write values to. One interface, two shapes of document: nested, and flattened by the rules of Java's
 * json-flattener. Every value and every member ends with a comma, which the end of its container takes away; so a
 * member can be cut out again when its key comes a second time.
 */
import { PoisonError } from "../format.ts";
import { JsonBytes } from "./bytes.ts";

/** Levels of a value; what Jackson, hence the Java sink, reads at most. */
const MAX_DEPTH = 1000;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
/** Bytes of a flat document's path; what a longer one took is given up after it. */
const FIRST_PATH = 256;
const MAX_RETAINED_PATH = 1 << 16;

/** The name of an object's member, prepared for both shapes. */
export interface MemberName {
  /** `"name":` */
  readonly nested: Uint8Array;
  /** `.name` or `["na.me"]`, escaped for the inside of a JSON string. */
  readonly flat: Uint8Array;
}

const RESERVED = /[.[\]]/;
const POLICY_ESCAPES = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\b", "\\b"],
  ["\n", "\\n"],
  ["\t", "\\t"],
  ["\f", "\\f"],
  ["\r", "\\r"],
]);

export function memberName(name: string): MemberName {
  const step = RESERVED.test(name)
    ? `["${name.replace(/["\\\b\n\t\f\r]/g, (character) => POLICY_ESCAPES.get(character) ?? character)}"]`
    : `.${name}`;
  return { nested: Buffer.from(`${JSON.stringify(name)}:`), flat: Buffer.from(JSON.stringify(step).slice(1, -1)) };
}

/** Whether there is a backslash, a dot or a bracket. */
function hasSpecial(source: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = source[i];
    if (byte === 0x5c || byte === 0x2e || byte === 0x5b || byte === 0x5d) return true;
  }
  return false;
}

const DOT = Buffer.from(".");

/** Writes the value that `payload` holds. */
export type DecodeValue = (writer: JsonWriter, payload: Uint8Array) => void;

/** A document under construction. After `member` or `element` comes exactly one value. */
export abstract class JsonWriter extends JsonBytes {
  protected depth = 0;

  abstract objectStart(): void;
  abstract objectEnd(): void;
  abstract arrayStart(): void;
  abstract arrayEnd(): void;
  abstract member(name: MemberName): void;
  /** @param source holds the name from `start` to before `end`, escaped as inside a JSON string */
  abstract memberJson(source: Uint8Array, start: number, end: number): void;
  abstract element(): void;
  /** What stands before a value that is neither object nor array. */
  protected abstract place(): void;

  begin(): void {
    this.clear();
    this.depth = 0;
  }

  /** @returns the document, in a buffer of its own; the writer may begin the next */
  finish(): Buffer {
    return this.take();
  }

  /** @param json ASCII text of one number, `true`, `false`, `null` or a string without escapes */
  literal(json: string): void {
    this.place();
    this.ascii(json);
    this.byte(COMMA);
  }

  /** @param value an integer that a double holds exactly */
  int(value: number): void {
    this.place();
    this.integer(value);
    this.byte(COMMA);
  }

  text(value: string): void {
    this.place();
    this.quoted(value);
    this.byte(COMMA);
  }

  utf8(source: Uint8Array, start: number, end: number): void {
    this.place();
    this.quotedUtf8(source, start, end);
    this.byte(COMMA);
  }

  base64(source: Uint8Array, start: number, end: number): void {
    this.place();
    this.quotedBase64(source, start, end);
    this.byte(COMMA);
  }

  /** @param source holds, from `start` to before `end`, one value that is neither object nor array, as JSON text */
  json(source: Uint8Array, start: number, end: number): void {
    this.place();
    this.copy(source, start, end);
    this.byte(COMMA);
  }

  protected descend(): void {
    // The document's own level does not count.
    if (this.depth++ > MAX_DEPTH) {
      throw new PoisonError("Undecodable", `The value is nested deeper than ${MAX_DEPTH} levels.`);
    }
  }
}

export class NestedWriter extends JsonWriter {
  objectStart(): void {
    this.descend();
    this.byte(OPEN_OBJECT);
  }

  objectEnd(): void {
    this.depth--;
    this.closeWith(CLOSE_OBJECT);
    this.byte(COMMA);
  }

  arrayStart(): void {
    this.descend();
    this.byte(OPEN_ARRAY);
  }

  arrayEnd(): void {
    this.depth--;
    this.closeWith(CLOSE_ARRAY);
    this.byte(COMMA);
  }

  member(name: MemberName): void {
    this.copy(name.nested, 0, name.nested.length);
  }

  memberJson(source: Uint8Array, start: number, end: number): void {
    this.byte(QUOTE);
    this.copy(source, start, end);
    this.byte(QUOTE);
    this.byte(COLON);
  }

  element(): void {}

  protected place(): void {}
}

/** One flat object; only empty objects and arrays keep their form. */
export class FlatWriter extends JsonWriter {
  /** The path of the value that comes next, escaped for the inside of a JSON string. */
  #path: Buffer = Buffer.allocUnsafe(FIRST_PATH);
  #pathLength = 0;
  /** Per open container: the length of its path, and how many elements it has; of an object, 1 if it has members. */
  readonly #paths: number[] = [];
  readonly #counts: number[] = [];

  override begin(): void {
    super.begin();
    this.#pathLength = 0;
    if (this.#path.length > MAX_RETAINED_PATH) this.#path = Buffer.allocUnsafe(FIRST_PATH);
  }

  objectStart(): void {
    this.#open();
    if (this.depth === 1) this.byte(OPEN_OBJECT);
  }

  objectEnd(): void {
    const empty = this.#close();
    if (this.depth === 0) {
      this.closeWith(CLOSE_OBJECT);
      this.byte(COMMA);
    } else if (empty) this.literal("{}");
  }

  arrayStart(): void {
    this.#open();
  }

  arrayEnd(): void {
    if (this.#close()) this.literal("[]");
  }

  member(name: MemberName): void {
    this.#enterMember();
    // At the root there is nothing for the dot to separate.
    this.#append(name.flat, this.#pathLength === 0 ? 1 : 0);
  }

  memberJson(source: Uint8Array, start: number, end: number): void {
    if (hasSpecial(source, start, end)) {
      const json = Buffer.from(source.buffer, source.byteOffset + start, end - start).toString("utf8");
      this.member(memberName(JSON.parse(`"${json}"`) as string));
      return;
    }
    this.#enterMember();
    if (this.#pathLength > 0) this.#append(DOT, 0);
    this.#append(source.subarray(start, end), 0);
  }

  element(): void {
    this.#pathLength = this.#paths[this.depth] ?? 0;
    const index = this.#counts[this.depth] ?? 0;
    this.#counts[this.depth] = index + 1;
    this.#append(Buffer.from(`[${index}]`, "latin1"), 0);
  }

  protected place(): void {
    this.byte(QUOTE);
    this.copy(this.#path, 0, this.#pathLength);
    this.byte(QUOTE);
    this.byte(COLON);
  }

  #enterMember(): void {
    this.#pathLength = this.#paths[this.depth] ?? 0;
    this.#counts[this.depth] = 1;
  }

  #open(): void {
    this.descend();
    this.#paths[this.depth] = this.#pathLength;
    this.#counts[this.depth] = 0;
  }

  /** @returns whether the container has nothing in it */
  #close(): boolean {
    this.#pathLength = this.#paths[this.depth] ?? 0;
    const empty = this.#counts[this.depth] === 0;
    this.depth--;
    return empty;
  }

  #append(step: Uint8Array, from: number): void {
    const end = this.#pathLength + step.length - from;
    if (end > this.#path.length) {
      const grown = Buffer.allocUnsafe(end * 2);
      this.#path.copy(grown, 0, 0, this.#pathLength);
      this.#path = grown;
    }
    this.#path.set(from === 0 ? step : step.subarray(from), this.#pathLength);
    this.#pathLength = end;
  }
}
