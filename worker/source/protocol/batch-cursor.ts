import { MOST_PROPERTIES, type WireEntry } from "./entry.ts";
import {
  type AckSet,
  type Batch,
  type EntryPosition,
  isConsumed,
  readBatch,
  tooManyProperties,
  type WireMessage,
} from "./message.ts";
import { MalformedError, type ProtobufReader } from "./protobuf-reader.ts";

/** Tag of a property in the metadata of a message. */
const PROPERTY = 10;
/** Payload after which a part of a batch ends. */
const PART_BYTES = 256 * 1024;

/** A batch whose messages are made part by part: all at once they may be more than a heap holds. */
export class BatchCursor {
  readonly #entry: WireEntry;
  readonly #position: EntryPosition;
  readonly #reader: ProtobufReader;
  readonly #ackSet: AckSet | null;
  readonly #batch: Batch;
  #left: number;

  /** @throws MalformedError when the framing of the batch is not sound, wherever: what breaks midway is broken whole */
  constructor(
    entry: WireEntry,
    position: EntryPosition,
    reader: ProtobufReader,
    ackSet: AckSet | null,
    payload: Buffer,
    start: number,
    end: number,
  ) {
    this.#entry = entry;
    this.#position = position;
    this.#reader = reader;
    this.#ackSet = ackSet;
    this.#batch = { bytes: payload, end, next: start, index: 0 };
    this.#left = countBatch(entry, reader, ackSet, payload, start, end);
  }

  /** Messages that no part held yet. */
  get left(): number {
    return this.#left;
  }

  /** The messages of the next part; at least one while some are left. */
  next(): readonly WireMessage[] {
    const messages: WireMessage[] = [];
    readBatch(this.#entry, this.#position, this.#reader, this.#ackSet, this.#batch, messages, PART_BYTES);
    this.#left = messages.length === 0 ? 0 : this.#left - messages.length;
    return messages;
  }
}

/** The messages of a batch that are to be consumed; makes none of them. @throws MalformedError as `readBatch` */
function countBatch(
  { batchSize }: WireEntry,
  reader: ProtobufReader,
  ackSet: AckSet | null,
  bytes: Buffer,
  from: number,
  end: number,
): number {
  let next = from;
  let count = 0;
  for (let index = 0; index < batchSize; index++) {
    if (end - next < 4) throw new MalformedError(`a batch of ${batchSize} messages ends at message ${index}`);
    const metadataStart = next + 4;
    const start = metadataStart + bytes.readUInt32BE(next);
    if (start > end) throw new MalformedError(`the metadata of message ${index} of a batch exceed it`);
    reader.over(bytes, metadataStart, start);
    let size = -1;
    let isNull = false;
    let compactedOut = false;
    let properties = 0;
    while (reader.position < start) {
      const tag = reader.varint();
      if (tag === 24) size = reader.int32();
      else if (tag === 72) isNull ||= reader.int32() !== 0;
      else if (tag === 32) compactedOut ||= reader.int32() !== 0;
      else {
        if (tag === PROPERTY) properties += 1;
        reader.skip(tag & 7);
      }
    }
    if (properties > MOST_PROPERTIES) throw tooManyProperties(properties);
    if (size < 0 && isNull) size = 0;
    if (size < 0 || size > end - start) throw new MalformedError(`the payload of message ${index} exceeds its batch`);
    next = start + size;
    if (!compactedOut && (ackSet === null || !isConsumed(ackSet, index))) count++;
  }
  return count;
}
