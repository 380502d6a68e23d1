/** Appends protobuf fields to a buffer that grows. */
export class ProtobufWriter {
  bytes: Buffer;
  position = 0;

  constructor(size = 256) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  /** What was written, as a copy of its own. */
  finish(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.position));
  }

  /** Makes room for `count` bytes. */
  ensure(count: number): void {
    const needed = this.position + count;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.position);
    this.bytes = grown;
  }

  /** Non-negative; exact up to 2^53. */
  varint(value: number): void {
    this.ensure(10);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.position++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.position++] = rest;
  }

  /** Protobuf writes a negative int32 as a 64-bit number of ten bytes. */
  int32(value: number): void {
    if (value >= 0) this.varint(value);
    else this.uint64(BigInt(value));
  }

  /** The low 64 bits. */
  uint64(value: bigint): void {
    this.ensure(10);
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) this.bytes[this.position++] = Number(rest & 0x7fn) | 0x80;
    this.bytes[this.position++] = Number(rest);
  }

  uint32(value: number): void {
    this.ensure(4);
    this.position = this.bytes.writeUInt32BE(value, this.position);
  }

  raw(value: Uint8Array): void {
    this.ensure(value.length);
    this.bytes.set(value, this.position);
    this.position += value.length;
  }

  lengthDelimited(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  string(value: string): void {
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.ensure(length);
    this.position += this.bytes.write(value, this.position, "utf8");
  }

  tag(field: number, wireType: 0 | 2): void {
    this.varint(field * 8 + wireType);
  }
}
