import type { Message } from "../source.ts";
import { findField, ORDERING_KEY, PROPERTIES, readProperty, type WireEntry } from "./entry.ts";
import { MalformedError, ProtobufReader } from "./protobuf-reader.ts";

/** Where an entry lies in its topic-partition; `partition` is -1 for a topic without partitions. */
export interface EntryPosition {
  readonly ledger: number;
  readonly entry: number;
  readonly partition: number;
}

const NO_PROPERTIES: ReadonlyMap<string, string> = new Map();

/** Field numbers of SingleMessageMetadata, as in PulsarApi.proto. */
const BATCH_PROPERTIES = 1;
const BATCH_EVENT_TIME = 5;
const BATCH_ORDERING_KEY = 7;

const BASE64 = 1;
const NULL = 2;
const HAS_PROPERTIES = 4;
const HAS_ORDERING_KEY = 8;
const COMPACTED_OUT = 16;
const HAS_EVENT_TIME = 32;
const NULL_KEY = 64;

/** One message over its entry's memory; whatever is not needed to find the next message is decoded when asked for. */
export class WireMessage implements Message {
  readonly entry: WireEntry;
  readonly key: string | null;
  readonly #position: EntryPosition;
  /** -1 for a message outside a batch, whose metadata are the entry's. */
  readonly #batchIndex: number;
  readonly #bytes: Buffer;
  readonly #metadataStart: number;
  readonly #start: number;
  readonly #end: number;
  readonly #flags: number;

  constructor(
    entry: WireEntry,
    position: EntryPosition,
    batchIndex: number,
    key: string | null,
    flags: number,
    bytes: Buffer,
    metadataStart: number,
    start: number,
    end: number,
  ) {
    this.entry = entry;
    this.key = key;
    this.#position = position;
    this.#batchIndex = batchIndex;
    this.#flags = flags;
    this.#bytes = bytes;
    this.#metadataStart = metadataStart;
    this.#start = start;
    this.#end = end;
  }

  get id(): string {
    const { ledger, entry, partition } = this.#position;
    const id = `${ledger}:${entry}:${partition}`;
    return this.#batchIndex < 0 ? id : `${id}:${this.#batchIndex}`;
  }

  get payload(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  get payloadBytes(): number {
    return this.#end - this.#start;
  }

  get keyIsBase64(): boolean {
    return (this.#flags & BASE64) !== 0;
  }

  get isNull(): boolean {
    return (this.#flags & NULL) !== 0;
  }

  get eventTime(): number | bigint | null {
    if (this.#batchIndex < 0) return this.entry.eventTime === 0 ? null : this.entry.eventTime;
    if ((this.#flags & HAS_EVENT_TIME) === 0) return null;
    const reader = new ProtobufReader().over(this.#bytes, this.#metadataStart, this.#start);
    let time: number | bigint = 0;
    while (reader.position < reader.end) {
      const tag = reader.varint();
      if (tag === BATCH_EVENT_TIME * 8) time = reader.uint64();
      else reader.skip(tag & 7);
    }
    return time === 0 ? null : time;
  }

  get orderingKey(): Uint8Array | null {
    if ((this.#flags & HAS_ORDERING_KEY) === 0) return null;
    const found =
      this.#batchIndex < 0
        ? findField(this.entry.bytes, this.entry.start, this.entry.end, ORDERING_KEY)
        : findField(this.#bytes, this.#metadataStart, this.#start, BATCH_ORDERING_KEY);
    return found === null ? null : found.bytes.subarray(found.position, found.end);
  }

  get properties(): ReadonlyMap<string, string> {
    if ((this.#flags & HAS_PROPERTIES) === 0) return NO_PROPERTIES;
    const single = this.#batchIndex < 0;
    const tagWanted = (single ? PROPERTIES : BATCH_PROPERTIES) * 8 + 2;
    const reader = new ProtobufReader();
    if (single) reader.over(this.entry.bytes, this.entry.start, this.entry.end);
    else reader.over(this.#bytes, this.#metadataStart, this.#start);
    const properties = new Map<string, string>();
    for (let left = MOST_PROPERTIES; left > 0 && reader.position < reader.end; ) {
      const tag = reader.varint();
      if (tag === tagWanted) {
        readProperty(reader, properties);
        left -= 1;
      } else reader.skip(tag & 7);
    }
    return properties;
  }
}

/** The one message of an entry that is not a batch. */
export function singleMessage(
  entry: WireEntry,
  position: EntryPosition,
  payload: Buffer,
  start: number,
  end: number,
): WireMessage {
  const key =
    entry.keyStart < 0 ? null : entry.bytes.toString("utf8", entry.start + entry.keyStart, entry.start + entry.keyEnd);
  const flags =
    (entry.keyIsBase64 ? BASE64 : 0) |
    (entry.isNull ? NULL : 0) |
    (entry.properties > 0 ? HAS_PROPERTIES : 0) |
    (entry.hasOrderingKey ? HAS_ORDERING_KEY : 0);
  return new WireMessage(entry, position, -1, key, flags, payload, start, start, entry.isNull ? start : end);
}

/** A batch, and how far it was read. */
export interface Batch {
  readonly bytes: Buffer;
  readonly end: number;
  /** Where the next message begins, and its index. */
  next: number;
  index: number;
}

/**
 * The messages of an entry whose payload is plain, or encrypted and passed on so, in `payload[start..end)`.
 * @throws MalformedError when the framing of its batch is not sound
 */
export function messagesOf(
  entry: WireEntry,
  position: EntryPosition,
  reader: ProtobufReader,
  ackSet: AckSet | null,
  payload: Buffer,
  start: number,
  end: number,
): readonly WireMessage[] {
  if (!entry.isBatch || entry.encrypted) return [singleMessage(entry, position, payload, start, end)];
  const messages: WireMessage[] = [];
  readBatch(entry, position, reader, ackSet, { bytes: payload, end, next: start, index: 0 }, messages, end - start + 1);
  return messages;
}

/** `ack_set` as pairs of low and high half words: a set bit is a message that is still to be consumed. */
export type AckSet = readonly number[];

export function isConsumed(ackSet: AckSet, index: number): boolean {
  return (((ackSet[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 0;
}

/** A delivery holds no more messages; one with more is handed on in parts. */
export const MOST_MESSAGES = 1_000;

/** Each is an object with texts, made when the message is looked at; no producer that means well comes near. */
export const MOST_PROPERTIES = 100_000;

export function tooManyProperties(message: string, properties: number): string {
  return `${message} has ${properties} properties; at most ${MOST_PROPERTIES} are read`;
}

/** What flags a message with so many properties. @throws MalformedError */
export function countedProperties(index: number, properties: number): number {
  if (properties <= MOST_PROPERTIES) return properties > 0 ? HAS_PROPERTIES : 0;
  throw new MalformedError(tooManyProperties(`message ${index} of a batch`, properties));
}

/**
 * Reads on in a batch: the messages that are to be consumed, at most {@link MOST_MESSAGES} and no more once `mostBytes` of
 * payload are there. Those compacted away or acknowledged earlier are left out.
 * @throws MalformedError when the framing of the batch is not sound; `messages` holds those before, `batch` is where it breaks
 */
export function readBatch(
  entry: WireEntry,
  position: EntryPosition,
  reader: ProtobufReader,
  ackSet: AckSet | null,
  batch: Batch,
  messages: WireMessage[],
  mostBytes: number,
): void {
  const { bytes, end } = batch;
  let { next, index } = batch;
  let read = 0;
  for (; index < entry.batchSize && messages.length < MOST_MESSAGES && read < mostBytes; index++) {
    batch.next = next;
    batch.index = index;
    if (end - next < 4) throw new MalformedError(`a batch of ${entry.batchSize} messages ends at message ${index}`);
    const metadataStart = next + 4;
    const start = metadataStart + bytes.readUInt32BE(next);
    if (start > end) throw new MalformedError(`the metadata of message ${index} of a batch exceed it`);
    reader.over(bytes, metadataStart, start);
    let size = -1;
    let flags = 0;
    let properties = 0;
    let keyStart = -1;
    let keyEnd = 0;
    while (reader.position < start) {
      const tag = reader.varint();
      if (tag === 24) size = reader.int32();
      else if (tag === 18) {
        const length = reader.length();
        keyStart = reader.position;
        keyEnd = keyStart + length;
        reader.position = keyEnd;
      } else if (tag === 10) {
        properties++;
        reader.skip(2);
      } else if (tag === 40) flags |= reader.varint() > 0 ? HAS_EVENT_TIME : 0;
      else if (tag === 48) flags |= reader.int32() !== 0 ? BASE64 : 0;
      else if (tag === 58) {
        flags |= HAS_ORDERING_KEY;
        reader.skip(2);
      } else if (tag === 72) flags |= reader.int32() !== 0 ? NULL : 0;
      else if (tag === 32) flags |= reader.int32() !== 0 ? COMPACTED_OUT : 0;
      else if (tag === 80) flags |= reader.int32() !== 0 ? NULL_KEY : 0;
      else reader.skip(tag & 7);
    }
    if (properties > 0) flags |= countedProperties(index, properties);
    if (size < 0 && (flags & NULL) !== 0) size = 0;
    if (size < 0 || size > end - start) throw new MalformedError(`the payload of message ${index} exceeds its batch`);
    next = start + size;
    if ((flags & COMPACTED_OUT) !== 0 || (ackSet !== null && isConsumed(ackSet, index))) continue;
    const key = keyStart < 0 || (flags & NULL_KEY) !== 0 ? null : bytes.toString("utf8", keyStart, keyEnd);
    const payloadEnd = (flags & NULL) !== 0 ? start : next;
    messages.push(new WireMessage(entry, position, index, key, flags, bytes, metadataStart, start, payloadEnd));
    read += size;
  }
  batch.next = next;
  batch.index = index;
}
