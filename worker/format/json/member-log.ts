/** Finds keys that occur twice in one object: the last one counts, as in Java's maps. */
import type { JsonWriter } from "./writer.ts";

/** Up to so many members the keys are compared one by one, by hash; beyond, a map is cheaper. */
const SMALL = 32;

interface Level {
  count: number;
  /** Per member: hash of the key, place of the key in the source, length of the document before the member. */
  hashes: number[];
  starts: number[];
  ends: number[];
  written: number[];
  byText: Map<string, number> | null;
}

/** Use `open`, then `add` before each member is written, then `close`. Objects may be nested in each other. */
export class MemberLog {
  readonly #levels: Level[] = [];
  #depth = -1;

  reset(): void {
    this.#depth = -1;
  }

  open(): void {
    this.#depth++;
    const level = this.#levels[this.#depth];
    if (level === undefined) {
      this.#levels[this.#depth] = { count: 0, hashes: [], starts: [], ends: [], written: [], byText: null };
    } else {
      level.count = 0;
      level.byText = null;
    }
  }

  close(): void {
    this.#depth--;
  }

  /**
   * A member begins whose key is `source` from `start` to before `end`, byte for byte what makes it equal to another.
   * An earlier member with that key is taken out of the document.
   */
  add(writer: JsonWriter, source: Uint8Array, start: number, end: number, hash: number): void {
    const level = this.#levels[this.#depth] as Level;
    const index = level.count++;
    level.hashes[index] = hash;
    level.starts[index] = start;
    level.ends[index] = end;
    level.written[index] = writer.length;
    const earlier = index < SMALL ? findSmall(level, source, index) : findLarge(level, source, index);
    if (earlier >= 0) drop(level, writer, earlier);
  }
}

function findSmall(level: Level, source: Uint8Array, index: number): number {
  const { hashes } = level;
  const hash = hashes[index];
  for (let i = 0; i < index; i++) if (hashes[i] === hash && sameKey(level, source, i, index)) return i;
  return -1;
}

function findLarge(level: Level, source: Uint8Array, index: number): number {
  if (level.byText === null) {
    level.byText = new Map();
    for (let i = 0; i < index; i++) level.byText.set(keyText(level, source, i), i);
  }
  const text = keyText(level, source, index);
  const earlier = level.byText.get(text) ?? -1;
  level.byText.set(text, index);
  return earlier;
}

function keyText(level: Level, source: Uint8Array, index: number): string {
  const start = level.starts[index] ?? 0;
  return Buffer.from(source.buffer, source.byteOffset + start, (level.ends[index] ?? start) - start).toString("latin1");
}

function sameKey(level: Level, source: Uint8Array, a: number, b: number): boolean {
  const from = level.starts[a] as number;
  const to = level.starts[b] as number;
  const length = (level.ends[a] as number) - from;
  if ((level.ends[b] as number) - to !== length) return false;
  for (let i = 0; i < length; i++) if (source[from + i] !== source[to + i]) return false;
  return true;
}

/** Member `earlier` ends where the next one starts; those after it move up. */
function drop(level: Level, writer: JsonWriter, earlier: number): void {
  const start = level.written[earlier] as number;
  const end = level.written[earlier + 1] as number;
  writer.drop(start, end);
  for (let i = earlier + 1; i < level.count; i++) level.written[i] = (level.written[i] as number) - (end - start);
  // Its place now is empty, and its key is the new member's.
  level.hashes[earlier] = Number.NaN;
}
