import { ProtobufReader } from "../protocol/protobuf-reader.ts";
import type { Message } from "../source.ts";
import type { NativeMessage, NativeMessageId } from "./client.ts";
import { NativeEntry, type Position, positionOf } from "./entry.ts";

const NO_PROPERTIES: ReadonlyMap<string, string> = new Map();
/** Field number of MessageIdData, as in PulsarApi.proto. */
const BATCH_SIZE = 6;

/**
 * A message of pulsar-client. Each accessor costs a call into the library, so it is called once at most: at once for what
 * every pipeline reads, else when asked for.
 */
export class ReceivedMessage implements Message {
  readonly entry: NativeEntry;
  readonly nativeId: NativeMessageId;
  readonly payload: Buffer;
  readonly key: string | null;
  /** pulsar-client does not tell a tombstone from an empty payload. */
  readonly isNull = false;
  readonly #position: Position;
  readonly #message: NativeMessage;
  #properties: ReadonlyMap<string, string> | null = null;
  #orderingKey: Uint8Array | null | undefined;
  #eventTime: number | null | undefined;

  constructor(entry: NativeEntry, message: NativeMessage, nativeId: NativeMessageId, position: Position) {
    this.entry = entry;
    this.nativeId = nativeId;
    this.#position = position;
    this.#message = message;
    this.payload = message.getData();
    const key = message.getPartitionKey();
    this.key = key === "" ? null : key;
  }

  get id(): string {
    const { ledger, entry, partition, batchIndex } = this.#position;
    const id = `${ledger}:${entry}:${partition}`;
    return batchIndex < 0 ? id : `${id}:${batchIndex}`;
  }

  get payloadBytes(): number {
    return this.payload.length;
  }

  get keyIsBase64(): boolean {
    return this.entry.keysAreBase64 && this.key !== null;
  }

  /** @throws Error, the first time, when the library cannot read them */
  get properties(): ReadonlyMap<string, string> {
    if (this.#properties === null) {
      // They are lost, so that a dead letter has none.
      this.#properties = NO_PROPERTIES;
      this.#properties = propertiesOf(this.#message);
    }
    return this.#properties;
  }

  get orderingKey(): Uint8Array | null {
    if (this.#orderingKey === undefined) {
      const key = this.#message.getOrderingKey();
      this.#orderingKey = key === "" ? null : Buffer.from(key);
    }
    return this.#orderingKey;
  }

  get eventTime(): number | null {
    if (this.#eventTime === undefined) {
      const time = this.#message.getEventTimestamp();
      this.#eventTime = time > 0 ? time : null;
    }
    return this.#eventTime;
  }
}

/** Consecutive messages of one entry within one batch receive, which may cut an entry anywhere. */
export interface Piece {
  readonly entry: NativeEntry;
  readonly count: number;
}

export interface Received {
  readonly messages: readonly ReceivedMessage[];
  readonly pieces: readonly Piece[];
  /** The last entry, when more of it is to come. */
  readonly open: NativeEntry | null;
}

/**
 * The messages of one batch receive by their entries; `open` is what the one before left open. Within a batch receive an
 * entry is complete when another follows. At its end only the size of the batch tells: what comes after a connection was
 * lost follows nothing.
 */
export function readMessages(received: readonly NativeMessage[], open: NativeEntry | null): Received {
  const messages: ReceivedMessage[] = [];
  const pieces: { readonly entry: NativeEntry; count: number }[] = [];
  let entry = null as NativeEntry | null;
  let piece = { count: 0 };
  for (const message of received) {
    const id = message.getMessageId();
    const position = positionOf(id);
    if (entry?.precedes(position) !== true) {
      if (entry !== null) entry.complete = true;
      entry = entry === null && open?.precedes(position) === true ? open : new NativeEntry(message, id, position);
      const begun = { entry, count: 0 };
      pieces.push(begun);
      piece = begun;
    }
    piece.count += 1;
    entry.add(id, position);
    messages.push(new ReceivedMessage(entry, message, id, position));
  }
  if (entry === null) return { messages, pieces, open };
  if (entry.last + 1 >= batchSize(entry.id)) entry.complete = true;
  return { messages, pieces, open: entry.complete ? null : entry };
}

/** 0 for a message outside a batch. */
function batchSize(id: NativeMessageId): number {
  const bytes = id.serialize();
  const reader = new ProtobufReader().over(bytes, 0, bytes.length);
  while (reader.position < reader.end) {
    const tag = reader.varint();
    if (tag === BATCH_SIZE * 8) return reader.int32();
    reader.skip(tag & 7);
  }
  return 0;
}

/**
 * The library hands properties out as the elements of an array, so one that is named `length` spoils them.
 * @throws Error when it did
 */
function propertiesOf(message: NativeMessage): ReadonlyMap<string, string> {
  let read: Readonly<Record<string, string>>;
  try {
    read = message.getProperties();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw unreadable();
  }
  const names = Object.keys(read);
  // Indices come first, in order.
  const indices = names.findLastIndex((name) => /^\d+$/.test(name) && Number(name) < 2 ** 32 - 1);
  if (Array.isArray(read) && read.length !== (indices < 0 ? 0 : Number(names[indices]) + 1)) throw unreadable();
  return names.length === 0 ? NO_PROPERTIES : new Map(Object.entries(read));
}

function unreadable(): Error {
  return new Error(
    'pulsar-client cannot read the properties of a message where one is named "length": set spec.pulsar.client to Wire',
  );
}
