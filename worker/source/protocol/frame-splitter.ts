import { MalformedError } from "./protobuf-reader.ts";

/** Brokers allow this much beyond their largest message, for the command and the metadata. */
const FRAME_PADDING = 10 * 1024;

/**
 * A frame without its leading length: `bytes[start..end)` holds `[command size][command]` and what follows it. `owned`
 * says that the bytes belong to this frame alone and may be kept; otherwise they change when the callback returns.
 */
export type OnFrame = (bytes: Buffer, start: number, end: number, owned: boolean) => void;

/** Cuts a byte stream into frames. A frame that arrives in pieces gets memory of its own, once its size is known to be sound. */
export class FrameSplitter {
  /** Bytes; the broker names it in CONNECTED. */
  maxMessageSize = 5 * 1024 * 1024;
  readonly #onFrame: OnFrame;
  readonly #allocate: (size: number) => Buffer;
  readonly #header = Buffer.alloc(4);
  #headerLength = 0;
  #frame: Buffer | null = null;
  #filled = 0;

  /** @param allocate memory for a frame that arrives in pieces, of exactly that many bytes */
  constructor(onFrame: OnFrame, allocate: (size: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.#onFrame = onFrame;
    this.#allocate = allocate;
  }

  /** The rest of a frame has yet to come. */
  get isMidFrame(): boolean {
    return this.#frame !== null;
  }

  /** Takes the first `length` bytes of `chunk`. @throws MalformedError: the stream cannot be followed any further. */
  push(chunk: Buffer, length: number): void {
    let position = 0;
    while (position < length) {
      if (this.#frame !== null) {
        position = this.#fill(this.#frame, chunk, position, length);
        continue;
      }
      if (this.#headerLength > 0 || length - position < 4) {
        const count = Math.min(4 - this.#headerLength, length - position);
        chunk.copy(this.#header, this.#headerLength, position, position + count);
        this.#headerLength += count;
        position += count;
        if (this.#headerLength === 4) {
          this.#headerLength = 0;
          this.#begin(this.#check(this.#header.readUInt32BE(0)));
        }
        continue;
      }
      const size = this.#check(chunk.readUInt32BE(position));
      position += 4;
      if (size <= length - position) {
        this.#onFrame(chunk, position, position + size, false);
        position += size;
      } else {
        this.#begin(size);
      }
    }
  }

  #check(size: number): number {
    if (size < 4 || size > this.maxMessageSize + FRAME_PADDING) {
      throw new MalformedError(`a frame of ${size} bytes; the largest is ${this.maxMessageSize + FRAME_PADDING}`);
    }
    return size;
  }

  #begin(size: number): void {
    this.#frame = this.#allocate(size);
    this.#filled = 0;
  }

  #fill(frame: Buffer, chunk: Buffer, position: number, length: number): number {
    const count = Math.min(frame.length - this.#filled, length - position);
    chunk.copy(frame, this.#filled, position, position + count);
    this.#filled += count;
    if (this.#filled === frame.length) {
      this.#frame = null;
      this.#onFrame(frame, 0, frame.length, true);
    }
    return position + count;
  }
}
