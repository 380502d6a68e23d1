/** How the members of objects are kept while they are written: numbers in one array, outside of the heap. */

/** Per member: hash of the key, place of the key in the source, length of the document before the member. */
export const HASH = 0;
export const START = 1;
export const END = 2;
export const WRITTEN = 3;
export const STRIDE = 4;

const FIRST_SLOTS = 128;
/** Slots; a larger table is given up when its object ends. */
const MAX_RETAINED_SLOTS = 1 << 15;

/** No key has a length below 0. */
export function markGone(members: Int32Array, index: number): void {
  members[index * STRIDE + END] = (members[index * STRIDE + START] as number) - 1;
}

export function isGone(members: Int32Array, index: number): boolean {
  return (members[index * STRIDE + END] as number) < (members[index * STRIDE + START] as number);
}

/** Whether both are there and have the same key. */
export function sameKey(members: Int32Array, source: Uint8Array, a: number, b: number): boolean {
  const from = members[a * STRIDE + START] as number;
  const to = members[b * STRIDE + START] as number;
  const length = (members[a * STRIDE + END] as number) - from;
  if ((members[b * STRIDE + END] as number) - to !== length) return false;
  for (let i = 0; i < length; i++) if (source[from + i] !== source[to + i]) return false;
  return true;
}

/** The members of one large object by their keys: slots with open addressing. */
export class KeyTable {
  /** Index of a member in its object, plus 1; 0 is free. */
  #slots = new Int32Array(FIRST_SLOTS);
  #used = 0;

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  clear(): void {
    if (this.#used === 0) return;
    this.#used = 0;
    if (this.#slots.length > MAX_RETAINED_SLOTS) this.#slots = new Int32Array(FIRST_SLOTS);
    else this.#slots.fill(0);
  }

  /**
   * Enters member `index` of the object that begins with member `base`; its hash is there.
   * @returns the earlier member with its key, whose place it takes; -1 when there is none
   */
  put(members: Int32Array, source: Uint8Array, base: number, index: number): number {
    const hash = members[index * STRIDE + HASH] as number;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const earlier = base + (slots[slot] as number) - 1;
      if (earlier < base) {
        slots[slot] = index - base + 1;
        if (++this.#used * 2 > slots.length) this.fill(members, base, index + 1, slots.length * 2);
        return -1;
      }
      if (members[earlier * STRIDE + HASH] === hash && sameKey(members, source, earlier, index)) {
        slots[slot] = index - base + 1;
        return earlier;
      }
    }
  }

  /** Enters the members from `base` to before `end`, whose keys all differ, and forgets all others. */
  fill(members: Int32Array, base: number, end: number, length = this.#slots.length): void {
    const slots = length === this.#slots.length ? this.#slots.fill(0) : new Int32Array(length);
    let used = 0;
    for (let index = base; index < end; index++) {
      if (isGone(members, index)) continue;
      let slot = (members[index * STRIDE + HASH] as number) & (length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (length - 1);
      slots[slot] = index - base + 1;
      used++;
    }
    this.#slots = slots;
    this.#used = used;
  }
}
