/**
 * Members that were written and do not count: they are marked where they stand, and taken out many at a time, so that a
 * document takes time in proportion to its bytes however often it repeats its names.
 */

/** No JSON text has this byte. Four bytes with the length of what is dropped follow; the shortest member has five. */
const DROPPED = 0;

/** Places in a document, in ascending order, that somebody wants to know when bytes before them are taken out. */
export interface Marks {
  /** @returns the first place at or behind `from`; infinity when there is none, here and below */
  first(from: number): number;
  /** The place returned last is now `to`. @returns the next one */
  moved(to: number): number;
  /** All have been told. */
  settled(): void;
}

/** @param end at least 5 bytes behind `start` */
export function markDropped(bytes: Buffer, start: number, end: number): void {
  bytes[start] = DROPPED;
  bytes.writeUInt32LE(end - start, start + 1);
}

/**
 * Takes out what is marked, from `start` to before `length`.
 * @returns the new length
 */
export function takeOut(bytes: Buffer, start: number, length: number, marks: Marks | null): number {
  let place = marks?.first(start) ?? Number.POSITIVE_INFINITY;
  let from = start;
  let to = start;
  while (from < length) {
    while (from === place) place = marks?.moved(to) ?? Number.POSITIVE_INFINITY;
    const byte = bytes[from] as number;
    if (byte === DROPPED) from += bytes.readUInt32LE(from + 1);
    else {
      bytes[to++] = byte;
      from++;
    }
  }
  while (from === place) place = marks?.moved(to) ?? Number.POSITIVE_INFINITY;
  marks?.settled();
  return to;
}
