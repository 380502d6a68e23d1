/** AVRO's binary encoding, read from one payload. Numbers beyond 2^53 stay exact. */
import { PoisonError } from "../../format.ts";
import type { JsonWriter } from "../../json/writer.ts";

const TWO_28 = 2 ** 28;
const TWO_56 = 2 ** 56;

export class AvroReader {
  bytes: Uint8Array = new Uint8Array();
  at = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));

  open(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = 0;
  }

  #byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw truncated();
    return byte;
  }

  boolean(): boolean {
    return this.#byte() === 1;
  }

  /** 32 bits; further ones are dropped, as Java does. */
  int(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw malformed("an integer of more than 5 bytes");
  }

  /** 64 bits: a number where a double holds it exactly, else a bigint. */
  long(): number | bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1);
    }
    let middle = 0;
    let high = 0;
    for (let shift = 0; shift < 42; shift += 7) {
      const byte = this.#byte();
      if (shift < 28) middle |= (byte & 0x7f) << shift;
      else high |= (byte & 0x7f) << (shift - 28);
      if (byte < 0x80) return unzigzag(low, middle, high & 0xff);
    }
    throw malformed("a long of more than 10 bytes");
  }

  /** A length or an index. */
  size(): number {
    const value = this.long();
    if (typeof value === "bigint") throw malformed("a length is out of range");
    return value;
  }

  /** The place of the next `length` bytes, which are stepped over. */
  skip(length: number): number {
    const start = this.at;
    if (length < 0) throw malformed("a length is negative");
    if (length > this.bytes.length - start) throw truncated();
    this.at = start + length;
    return start;
  }

  float(): number {
    return this.#view.getFloat32(this.skip(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.skip(8), true);
  }

  /** The number of items of the next block of an array or a map; 0 at its end. */
  blockCount(): number {
    const count = this.size();
    if (count >= 0) return count;
    this.long();
    return -count;
  }
}

function unzigzag(low: number, middle: number, high: number): number | bigint {
  if (high === 0 && middle < 1 << 25) {
    const value = low + middle * TWO_28;
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  const value = BigInt(low) + BigInt(middle) * BigInt(TWO_28) + BigInt(high) * BigInt(TWO_56);
  return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
}

export function writeLong(writer: JsonWriter, value: number | bigint): void {
  if (typeof value === "number") writer.int(value);
  else writer.literal(String(value));
}

function truncated(): PoisonError {
  return malformed("it ends too early");
}

export function malformed(reason: string): PoisonError {
  return new PoisonError("Undecodable", `The payload does not fit its AVRO schema: ${reason}.`);
}
