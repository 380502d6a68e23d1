import type { BodyMemory } from "./body-memory.ts";
import type { StreamName } from "./describe.ts";
import type { KinesisRecord, MadeData } from "./sink.ts";

/** The 64 characters as pairs: two of them, little-endian, for each value of 12 bits. */
const PAIRS = base64Pairs();
const PADDING = "=".charCodeAt(0);
const QUOTE = '"'.charCodeAt(0);
/** Bytes of a word. */
const WORD = 4;

const LEAD = Buffer.from('{"Data":"');
/** By how far the data would begin after a whole word. White space may stand before a value: it begins at one. */
const LEADS = Array.from({ length: WORD }, (_, over) => Buffer.from(`{"Data":${" ".repeat((WORD - over) % WORD)}"`));
const KEY = Buffer.from('","PartitionKey":');
const HASH_KEY = Buffer.from(',"ExplicitHashKey":');
const NEXT = Buffer.from("},");
const END = Buffer.from("}]}");

/**
 * The JSON 1.1 body of PutRecords, written straight into one buffer: the SDK's own way through schemas, base64 copies
 * and JSON.stringify costs several times as much, and leaves strings of the body's size to the collector.
 * Reads the data of each record once. The body is `memory`'s, to be given back when nothing reads it any more.
 */
export function encodePutRecords(stream: StreamName, records: readonly KinesisRecord[], memory: BodyMemory): Buffer {
  const head = Buffer.from(`${JSON.stringify(stream).slice(0, -1)},"Records":[`);
  if (records.length === 0) return Buffer.concat([head, Buffer.from("]}")]);
  /** Null: made when its turn comes. */
  const data = new Array<Uint8Array | null>(records.length);
  let size = head.length + END.length;
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as KinesisRecord;
    const made = record.made ?? null;
    const bytes = made === null ? record.data : null;
    data[index] = bytes;
    size += LEAD.length + WORD + base64Length(bytes?.length ?? made?.size ?? 0) + keysLength(record) + NEXT.length;
  }
  const body = memory.take(size);
  const words = new Uint32Array(body.buffer, body.byteOffset, body.length >>> 2);
  let at = put(head, body, 0);
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as KinesisRecord;
    at = put(LEADS[(at + LEAD.length) % WORD] ?? LEAD, body, at);
    at = putBase64(data[index] ?? memory.written(record.made as MadeData), words, at);
    at = putKeys(record, body, at);
    at = put(index === records.length - 1 ? END : NEXT, body, at);
  }
  return body.subarray(0, at);
}

/** Few bytes, for which a call into the runtime costs more than the copy. */
function put(source: Uint8Array, body: Buffer, at: number): number {
  let position = at;
  for (let index = 0; index < source.length; index++) body[position++] = source[index] as number;
  return position;
}

/** Writes at `at`, a multiple of four, into the body as `words`; returns where the text ends. */
function putBase64(source: Uint8Array, words: Uint32Array, at: number): number {
  const rest = source.length % 3;
  const whole = source.length - rest;
  let word = at >>> 2;
  for (let index = 0; index < whole; index += 3) {
    const three =
      ((source[index] as number) << 16) | ((source[index + 1] as number) << 8) | (source[index + 2] as number);
    words[word++] = (PAIRS[three >>> 12] as number) | ((PAIRS[three & 0xfff] as number) << 16);
  }
  if (rest > 0) {
    const three = ((source[whole] as number) << 16) | (rest === 2 ? (source[whole + 1] as number) << 8 : 0);
    const third = rest === 2 ? (PAIRS[three & 0xfff] as number) & 0xff : PADDING;
    words[word++] = (PAIRS[three >>> 12] as number) | (third << 16) | (PADDING << 24);
  }
  return word * WORD;
}

function base64Pairs(): Uint16Array {
  const characters = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  return Uint16Array.from({ length: 4096 }, (_, value) => {
    const [first, second] = [characters[value >>> 6] ?? 0, characters[value & 63] ?? 0];
    return first | (second << 8);
  });
}

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

function keysLength({ partitionKey, explicitHashKey }: KinesisRecord): number {
  const hashKey = explicitHashKey === undefined ? 0 : HASH_KEY.length + jsonLength(explicitHashKey);
  return KEY.length + jsonLength(partitionKey) + hashKey;
}

/** What follows a record's data, but for the bracket. */
function putKeys({ partitionKey, explicitHashKey }: KinesisRecord, body: Buffer, at: number): number {
  const end = putJson(partitionKey, body, put(KEY, body, at));
  return explicitHashKey === undefined ? end : putJson(explicitHashKey, body, put(HASH_KEY, body, end));
}

/** Printable ASCII without quotation mark and backslash. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** Bytes of a JSON string, at most: an escape takes six. */
function jsonLength(text: string): number {
  return text.length * (PLAIN.test(text) ? 1 : 6) + 2;
}

function putJson(text: string, body: Buffer, at: number): number {
  if (!PLAIN.test(text)) return at + body.write(escaped(text), at, "latin1");
  let position = at;
  body[position++] = QUOTE;
  for (let index = 0; index < text.length; index++) body[position++] = text.charCodeAt(index);
  body[position++] = QUOTE;
  return position;
}

/** A JSON string of ASCII characters alone, so that one character is one byte. */
function escaped(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
