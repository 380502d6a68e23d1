/** Bytes that are not what the protocol says. Where it is thrown decides whether an entry or a connection is given up. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

const EMPTY = Buffer.alloc(0);
const TWO_28 = 2 ** 28;

/** A cursor over protobuf bytes that never reads past `end`. Reused, since the hot path reads several per message. */
export class ProtobufReader {
  bytes: Buffer = EMPTY;
  position = 0;
  end = 0;

  over(bytes: Buffer, start: number, end: number): this {
    if (start < 0 || start > end || end > bytes.length) throw new MalformedError("a length exceeds its frame");
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    return this;
  }

  /** An unsigned varint; exact up to 2^53. */
  varint(): number {
    const { bytes, end } = this;
    let position = this.position;
    if (position >= end) throw new MalformedError("truncated varint");
    let byte = bytes[position++] as number;
    if (byte < 0x80) {
      this.position = position;
      return byte;
    }
    let low = byte & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      if (position >= end) throw new MalformedError("truncated varint");
      byte = bytes[position++] as number;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = position;
        return low;
      }
    }
    let high = 0;
    let factor = TWO_28;
    for (let count = 4; count < 10; count++) {
      if (position >= end) throw new MalformedError("truncated varint");
      byte = bytes[position++] as number;
      high += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) {
        this.position = position;
        return low + high;
      }
    }
    throw new MalformedError("a varint of more than 10 bytes");
  }

  /** An unsigned varint to its last digit: a safe integer, or a bigint where that is too small. */
  uint64(): number | bigint {
    const start = this.position;
    const value = this.varint();
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    this.position = start;
    const words: number[] = [];
    this.words(words);
    const [low = 0, high = 0] = words;
    const exact = BigInt(high) * 0x1_0000_0000n + BigInt(low);
    return exact <= Number.MAX_SAFE_INTEGER ? Number(exact) : exact;
  }

  /** The low 32 bits of a varint as a signed number: int32, enum, bool. */
  int32(): number {
    const { bytes, end } = this;
    let position = this.position;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (position >= end) throw new MalformedError("truncated varint");
      const byte = bytes[position++] as number;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = position;
        return value;
      }
    }
    throw new MalformedError("a varint of more than 10 bytes");
  }

  /** A 64-bit varint, appended to `words` as its low and its high half, unsigned. */
  words(words: number[]): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= this.end) throw new MalformedError("truncated varint");
      const byte = this.bytes[this.position++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 64) high |= bits << (shift - 32);
      if (byte < 0x80) {
        words.push(low >>> 0, high >>> 0);
        return;
      }
    }
    throw new MalformedError("a varint of more than 10 bytes");
  }

  /** A length-delimited field's length, checked; `position` is then at its first byte. */
  length(): number {
    const length = this.varint();
    if (length > this.end - this.position) throw new MalformedError("a field exceeds its message");
    return length;
  }

  string(): string {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return this.bytes.toString("utf8", start, start + length);
  }

  /** A copy, which keeps nothing else alive. */
  copy(): Buffer {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return Buffer.from(this.bytes.subarray(start, start + length));
  }

  /** Passes over a field that is not known. */
  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 2) {
      const length = this.length();
      this.position += length;
    } else if (wireType === 1) this.position += 8;
    else if (wireType === 5) this.position += 4;
    else throw new MalformedError(`unknown wire type ${wireType}`);
    if (this.position > this.end) throw new MalformedError("a field exceeds its message");
  }
}
