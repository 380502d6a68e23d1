import type { BodyMemory } from "./body-memory.ts";
import type { StreamName } from "./describe.ts";
import type { KinesisRecord, MadeData } from "./sink.ts";

/** The 64 characters as pairs: two of them, little-endian, for each value of 12 bits. */
const PAIRS = base64Pairs();
const ALIGNMENT = 4;
const SPACES = "   ";

/**
 * The JSON 1.1 body of PutRecords, written straight into one buffer: the SDK's own way through schemas, base64 copies
 * and JSON.stringify costs several times as much, and leaves strings of the body's size to the collector.
 * Reads the data of each record once. The body is `memory`'s, to be given back when nothing reads it any more.
 */
export function encodePutRecords(stream: StreamName, records: readonly KinesisRecord[], memory: BodyMemory): Buffer {
  const head = `${JSON.stringify(stream).slice(0, -1)},"Records":[`;
  if (records.length === 0) return Buffer.from(`${head}]}`);
  /** Null: made when its turn comes. */
  const data = new Array<Uint8Array | null>(records.length);
  const tails = new Array<string>(records.length);
  let size = head.length;
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as KinesisRecord;
    const made = record.made ?? null;
    const bytes = made === null ? record.data : null;
    const tail = recordTail(record.partitionKey, record.explicitHashKey, index === records.length - 1);
    data[index] = bytes;
    tails[index] = tail;
    size += LEAD.length + ALIGNMENT + base64Length(bytes?.length ?? made?.size ?? 0) + tail.length;
  }
  const body = memory.take(size);
  const words = new Uint32Array(body.buffer, body.byteOffset, body.length >>> 2);
  let at = body.write(head, 0, "latin1");
  for (let index = 0; index < records.length; index++) {
    // White space may stand before a value: the data begins at a whole word.
    at += body.write(LEADS[(at + LEAD.length) % ALIGNMENT] ?? LEAD, at, "latin1");
    const bytes = data[index] ?? memory.written((records[index] as KinesisRecord).made as MadeData);
    at = writeBase64(bytes, words, body, at);
    at += body.write(tails[index] ?? "", at, "latin1");
  }
  return body.subarray(0, at);
}

const LEAD = '{"Data":"';
/** By how far the data would begin after a whole word. */
const LEADS = Array.from({ length: ALIGNMENT }, (_, over) => {
  const spaces = SPACES.slice(0, (ALIGNMENT - over) % ALIGNMENT);
  return `{"Data":${spaces}"`;
});

/** Writes at `at`, a multiple of four, in which `words` are the same memory as `bytes`; returns where the text ends. */
function writeBase64(source: Uint8Array, words: Uint32Array, bytes: Buffer, at: number): number {
  const whole = source.length - (source.length % 3);
  let word = at >>> 2;
  for (let index = 0; index < whole; index += 3) {
    const three =
      ((source[index] as number) << 16) | ((source[index + 1] as number) << 8) | (source[index + 2] as number);
    words[word++] = (PAIRS[three >>> 12] as number) | ((PAIRS[three & 0xfff] as number) << 16);
  }
  const end = word * 4;
  if (whole === source.length) return end;
  return end + bytes.write(Buffer.from(source.subarray(whole)).toString("base64"), end, "latin1");
}

function base64Pairs(): Uint16Array {
  const characters = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  return Uint16Array.from({ length: 4096 }, (_, value) => {
    const [first, second] = [characters[value >>> 6] ?? 0, characters[value & 63] ?? 0];
    return first | (second << 8);
  });
}

/** What follows a record's data, up to the next record. */
function recordTail(partitionKey: string, explicitHashKey: string | undefined, last: boolean): string {
  const hash = explicitHashKey === undefined ? "" : `,"ExplicitHashKey":${asciiJson(explicitHashKey)}`;
  return `","PartitionKey":${asciiJson(partitionKey)}${hash}${last ? "}]}" : "},"}`;
}

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Printable ASCII without quotation mark and backslash. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A JSON string of ASCII characters alone, so that one character is one byte. */
function asciiJson(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
