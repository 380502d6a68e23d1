/** Finds keys that occur twice in one object: the last one counts, as in Java's maps. */
import { randomInt } from "node:crypto";
import type { Marks } from "./dropped.ts";
import { END, HASH, isGone, KeyTable, markGone, START, STRIDE, sameKey, WRITTEN } from "./members.ts";
import type { JsonWriter } from "./writer.ts";

/** Up to so many members the keys are compared one by one, by hash; beyond, a table is cheaper. */
const SMALL = 32;
const FIRST_MEMBERS = 256;
/** Members; what a larger document took is given up after it. */
const MAX_RETAINED_MEMBERS = 1 << 14;

/**
 * Use `open`, then `add` before each member is written, then `close`. Objects may be nested in each other. A member takes
 * 16 bytes, and in a large object 8 to 16 more; one that was dropped, only until the writer takes it out.
 */
export class MemberLog implements Marks {
  /** The members of the open objects, one object after the other. */
  #members = new Int32Array(FIRST_MEMBERS * STRIDE);
  #count = 0;
  #depth = -1;
  /** Per open object: its first member, and its table. */
  readonly #bases: number[] = [];
  readonly #tables: KeyTable[] = [];
  /** Who writes messages does not know it, and so cannot choose keys that share a hash. */
  readonly #seed = randomInt(2 ** 32) | 0;
  /** The member whose place is being told. */
  #telling = 0;

  /** A document begins, whose objects are all written to `writer`. */
  reset(writer: JsonWriter): void {
    while (this.#depth >= 0) this.close();
    if (this.#members.length > MAX_RETAINED_MEMBERS * STRIDE) this.#members = new Int32Array(FIRST_MEMBERS * STRIDE);
    writer.marks = this;
  }

  open(): void {
    const depth = ++this.#depth;
    this.#bases[depth] = this.#count;
    if (depth === this.#tables.length) this.#tables[depth] = new KeyTable();
  }

  close(): void {
    this.#table().clear();
    this.#count = this.#base();
    this.#depth--;
  }

  /**
   * A member begins whose key is `source` from `start` to before `end`, byte for byte what makes it equal to another.
   * An earlier member with that key is taken out of the document.
   */
  add(writer: JsonWriter, source: Uint8Array, start: number, end: number, hash: number): void {
    const index = this.#count++;
    const at = index * STRIDE;
    if (at === this.#members.length) this.#grow();
    const members = this.#members;
    members[at + HASH] = hash;
    members[at + START] = start;
    members[at + END] = end;
    members[at + WRITTEN] = writer.length;
    const base = this.#base();
    const few = index - base < SMALL && this.#table().isEmpty;
    const earlier = few ? findFew(members, source, base, index) : this.#findMany(source, base, index);
    if (earlier < 0) return;
    // A member ends where the next one starts.
    writer.drop(members[earlier * STRIDE + WRITTEN] as number, members[(earlier + 1) * STRIDE + WRITTEN] as number);
    markGone(members, earlier);
  }

  #findMany(source: Uint8Array, base: number, index: number): number {
    const members = this.#members;
    const table = this.#table();
    if (table.isEmpty) {
      for (let i = base; i < index; i++) this.#rehash(source, i);
      table.fill(members, base, index);
    }
    this.#rehash(source, index);
    return table.put(members, source, base, index);
  }

  #rehash(source: Uint8Array, index: number): void {
    const at = index * STRIDE;
    const end = this.#members[at + END] as number;
    let hash = this.#seed;
    for (let i = this.#members[at + START] as number; i < end; i++) {
      hash = Math.imul(hash ^ (source[i] as number), 0x5bd1e995);
      hash ^= hash >>> 15;
    }
    this.#members[at + HASH] = hash;
  }

  first(from: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#members[middle * STRIDE + WRITTEN] as number) < from) low = middle + 1;
      else high = middle;
    }
    this.#telling = low;
    return this.#place();
  }

  moved(to: number): number {
    this.#members[this.#telling++ * STRIDE + WRITTEN] = to;
    return this.#place();
  }

  /** Members that are gone are forgotten. */
  settled(): void {
    const members = this.#members;
    let kept = 0;
    for (let depth = 0; depth <= this.#depth; depth++) {
      const base = kept;
      const end = this.#bases[depth + 1] ?? 0;
      const last = depth === this.#depth ? this.#count : end;
      for (let i = this.#bases[depth] as number; i < last; i++) {
        if (isGone(members, i)) continue;
        if (kept < i) members.copyWithin(kept * STRIDE, i * STRIDE, (i + 1) * STRIDE);
        kept++;
      }
      this.#bases[depth] = base;
      const table = this.#tables[depth] as KeyTable;
      if (!table.isEmpty) table.fill(members, base, kept);
    }
    this.#count = kept;
  }

  #place(): number {
    if (this.#telling >= this.#count) return Number.POSITIVE_INFINITY;
    return this.#members[this.#telling * STRIDE + WRITTEN] as number;
  }

  #base(): number {
    return this.#bases[this.#depth] as number;
  }

  #table(): KeyTable {
    return this.#tables[this.#depth] as KeyTable;
  }

  #grow(): void {
    const grown = new Int32Array(this.#members.length * 2);
    grown.set(this.#members);
    this.#members = grown;
  }
}

function findFew(members: Int32Array, source: Uint8Array, base: number, index: number): number {
  const hash = members[index * STRIDE + HASH];
  for (let i = base; i < index; i++) {
    if (members[i * STRIDE + HASH] === hash && sameKey(members, source, i, index)) return i;
  }
  return -1;
}
