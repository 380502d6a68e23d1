import type { Clock, Timer } from "../../../runtime/clock.ts";
import { TAG_BYTES } from "../encryption/decryptor.ts";
import { CHUNK_OVERHEAD, type Chunk, chunkBytes } from "../protocol/chunk.ts";
import type { WireEntry } from "../protocol/entry.ts";
import { SourceError } from "../source.ts";
import type { EntryId } from "./entry-id.ts";
import type { Incomplete } from "./incomplete.ts";

/** A chunked message that grew no further for this long, though more was asked for, was given up by its producer. */
const EXPIRY_MS = 600_000;
/** The same, where the producer sent something else meanwhile (the official clients' default, whatever was sent). */
const OVERTAKEN_MS = 60_000;
/** Of one topic-partition at once, as a multiple of the largest message: the rest of what has begun lies behind what begins. */
const MOST_OF_ONE = 2;
/** More chunked messages at once, from as many producers, are not collected. */
const MOST_AT_ONCE = 100;
/** Each takes some memory beside its bytes, and may have none. */
const MOST_CHUNKS = 10_000;
/** Of a message that is over, more ids of chunks are not kept to tell what comes again from copies. */
const MOST_IDS_OVER = 200;

/** A chunk that is kept in mind until it may be given up. */
export interface StrayChunk {
  readonly uuid: string;
  readonly id: EntryId;
}

export interface ChunkedMessage {
  readonly uuid: string;
  /** Until the message is complete. */
  readonly chunks: Chunk[];
  /** Ids of the chunks, in order: ledger, entry, ledger, entry, … */
  readonly ids: number[];
  /** The entry before the first chunk: nothing beyond may be acknowledged cumulatively; null at the start of a life. */
  readonly before: EntryId | null;
  /** Bytes that the chunks retain. */
  size: number;
  /** Bytes of the payloads that are the message's own. */
  content: number;
  /** Bytes that it may take once whole. */
  readonly reserved: number;
  readonly producerName: string;
  /** It was acknowledged. */
  isDone: boolean;
  /** Its producer sent something else. */
  isOvertaken: boolean;
  next: number;
  touchedAt: number;
}

export type ChunkOutcome =
  | { readonly kind: "waiting" }
  /** A chunk without its beginning: nothing to be had from it. */
  | { readonly kind: "stray" }
  /** The same, of a message that was completed or given up. */
  | { readonly kind: "surplus" }
  /** A chunk that is held came again, from the same entry. */
  | { readonly kind: "held" }
  /** A chunk that is held was published once more, in an entry of its own. */
  | { readonly kind: "copy" }
  /** One more chunk of a message that was told to be a defect. */
  | { readonly kind: "defective"; readonly message: ChunkedMessage }
  | CollectedChunks;

/** All chunks of a message; or why no more of it is collected. */
export interface CollectedChunks {
  readonly kind: "collected";
  readonly message: ChunkedMessage;
  readonly defect: string | null;
}

export interface ChunkCollector {
  /**
   * Whether there is memory for the message that the chunk begins, if it begins one; it is reserved by `add`.
   * @throws SourceError MemoryExhausted where none would come
   */
  mayAdd(entry: WireEntry): boolean;
  /** An entry came that is no chunk, or a chunk of another message. */
  overtake(entry: WireEntry): void;
  add(chunk: Chunk, before: EntryId | null): ChunkOutcome;
  /** Of the messages that are still incomplete. */
  pending(): Iterable<ChunkedMessage>;
  clear(): void;
}

export interface ChunkCollectorOptions {
  readonly maxBytes: number;
  readonly waiting: Incomplete;
  /** False while the broker may send nothing, or what it sends is not read: then no time passes for what is incomplete. */
  readonly asking: () => boolean;
  readonly clock: Clock;
  readonly onExpired: (message: ChunkedMessage) => void;
  /** The beginnings of these did not come. Null: nothing else may hold them, so that strays are given up at once. */
  readonly onStrays: ((strays: readonly StrayChunk[]) => void) | null;
}

/**
 * Collects the chunks of messages that are larger than a frame. `onExpired` hears of those that stay incomplete.
 * `maxBytes` bounds each, and what all may take together but for one topic-partition's own. The caller counts the bytes of
 * `waiting`; the collector what is reserved.
 */
export function createChunkCollector(options: ChunkCollectorOptions): ChunkCollector {
  return new BoundedChunkCollector(options);
}

class BoundedChunkCollector implements ChunkCollector {
  readonly #options: ChunkCollectorOptions;
  /** Incomplete ones, by uuid. */
  readonly #messages = new Map<string, ChunkedMessage>();
  /** The latest that were told to be defects, by uuid. */
  readonly #defects = new Map<string, ChunkedMessage>();
  /** Ids of the latest that were completed or given up, by uuid. */
  readonly #over = new Map<string, readonly number[]>();
  #strays: { readonly chunk: StrayChunk; touchedAt: number }[] = [];
  /** What these messages reserved. */
  #reserved = 0;
  #timer: Timer | null = null;

  constructor(options: ChunkCollectorOptions) {
    this.#options = options;
  }

  mayAdd(entry: WireEntry): boolean {
    const { maxBytes, waiting } = this.#options;
    if (entry.chunkId !== 0 || this.#messages.has(entry.uuid ?? "")) return true;
    const bytes = reservation(entry);
    // One always fits.
    if (waiting.reserved === 0 || waiting.reserved + bytes <= maxBytes) return true;
    // A defect, at once.
    if (entry.totalChunkSize > maxBytes || entry.chunks > MOST_CHUNKS) return true;
    if (this.#reserved === 0) return false;
    if (this.#reserved + bytes <= MOST_OF_ONE * maxBytes) return true;
    const what = `chunked messages have begun that take ${this.#reserved} bytes, and one of ${bytes} bytes begins`;
    const remedy = "they come again; let fewer producers send chunked messages to one topic-partition at once";
    throw new SourceError("MemoryExhausted", `${what}: ${remedy}`);
  }

  overtake(entry: WireEntry): void {
    if (this.#messages.size === 0) return;
    const { producerName, uuid } = entry;
    for (const message of this.#messages.values()) {
      if (message.producerName === producerName && message.uuid !== uuid) message.isOvertaken = true;
    }
  }

  add(chunk: Chunk, before: EntryId | null): ChunkOutcome {
    const { maxBytes, clock } = this.#options;
    const { entry } = chunk;
    const uuid = entry.uuid ?? "";
    if (entry.chunkId === 0 && !this.#messages.has(uuid)) this.#begin(uuid, entry, before);
    const message = this.#messages.get(uuid);
    if (message === undefined) return this.#withoutBeginning(uuid, chunk);
    if (entry.chunkId > message.next) return this.#stray(uuid, chunk);
    if (entry.chunkId < message.next) return { kind: holds(message, chunk) ? "held" : "copy" };
    append(message, chunk, clock.now());
    const defect = defectOf(entry, message, maxBytes, this.#messages.size);
    if (defect !== null) {
      this.#remove(message);
      this.#defects.set(uuid, message);
      if (this.#defects.size > MOST_AT_ONCE) this.#defects.delete(this.#defects.keys().next().value ?? "");
      return { kind: "collected", message, defect };
    }
    if (message.next < entry.chunks) return { kind: "waiting" };
    this.#remove(message);
    this.#isOver(message);
    return { kind: "collected", message, defect };
  }

  pending(): Iterable<ChunkedMessage> {
    return this.#messages.values();
  }

  clear(): void {
    this.#timer?.cancel();
    for (const message of this.#messages.values()) this.#remove(message);
  }

  #withoutBeginning(uuid: string, chunk: Chunk): ChunkOutcome {
    const message = this.#defects.get(uuid);
    if (message !== undefined) return { kind: "defective", message };
    const ids = this.#over.get(uuid);
    if (ids !== undefined) return { kind: holds({ ids }, chunk) ? "held" : "surplus" };
    return this.#stray(uuid, chunk);
  }

  #stray(uuid: string, { position: { ledger, entry } }: Chunk): ChunkOutcome {
    if (this.#options.onStrays !== null && this.#strays.length < MOST_CHUNKS) {
      this.#strays.push({ chunk: { uuid, id: [ledger, entry] }, touchedAt: this.#options.clock.now() });
      this.#expireLater();
    }
    return { kind: "stray" };
  }

  #isOver({ uuid, ids }: ChunkedMessage): void {
    if (ids.length > 2 * MOST_IDS_OVER) return;
    this.#over.set(uuid, ids);
    if (this.#over.size > MOST_AT_ONCE) this.#over.delete(this.#over.keys().next().value ?? "");
  }

  #begin(uuid: string, entry: WireEntry, before: EntryId | null): void {
    const reserved = reservation(entry);
    const { producerName } = entry;
    this.#messages.set(uuid, {
      ...{ uuid, chunks: [], ids: [], before, reserved, producerName, isDone: false, isOvertaken: false },
      ...{ size: 0, content: 0, next: 0, touchedAt: 0 },
    });
    this.#reserved += reserved;
    this.#options.waiting.reserved += reserved;
    this.#expireLater();
  }

  #expireLater(): void {
    this.#timer ??= this.#options.clock.timer(OVERTAKEN_MS / 4, () => this.#expire());
  }

  #remove({ uuid, reserved }: ChunkedMessage): void {
    this.#messages.delete(uuid);
    this.#reserved -= reserved;
    this.#options.waiting.reserved -= reserved;
  }

  #expire(): void {
    const { clock, onExpired } = this.#options;
    this.#timer = null;
    const asking = this.#options.asking();
    for (const message of this.#messages.values()) {
      if (!asking) message.touchedAt = clock.now();
      if (clock.now() - message.touchedAt < (message.isOvertaken ? OVERTAKEN_MS : EXPIRY_MS)) continue;
      this.#remove(message);
      this.#isOver(message);
      onExpired(message);
    }
    this.#expireStrays(asking);
    if (this.#messages.size > 0 || this.#strays.length > 0) this.#expireLater();
  }

  #expireStrays(asking: boolean): void {
    const { clock, onStrays } = this.#options;
    if (!asking) for (const stray of this.#strays) stray.touchedAt = clock.now();
    const isExpired = ({ touchedAt }: { readonly touchedAt: number }): boolean => clock.now() - touchedAt >= EXPIRY_MS;
    const expired = this.#strays.filter(isExpired);
    if (expired.length === 0) return;
    this.#strays = this.#strays.filter((stray) => !isExpired(stray));
    onStrays?.(expired.map(({ chunk }) => chunk));
  }
}

/** Bytes that the message may take, of which a chunk tells the content and the number of chunks. */
function reservation({ totalChunkSize, chunks }: WireEntry): number {
  return Math.max(0, totalChunkSize) + chunks * CHUNK_OVERHEAD;
}

/** Whether the chunk is the entry that is held, and no copy. */
function holds({ ids }: { readonly ids: readonly number[] }, { entry, position }: Chunk): boolean {
  const at = 2 * entry.chunkId;
  return ids[at] === position.ledger && ids[at + 1] === position.entry;
}

function append(message: ChunkedMessage, chunk: Chunk, now: number): void {
  const { entry, payload, position } = chunk;
  message.chunks.push(chunk);
  message.ids.push(position.ledger, position.entry);
  message.size += chunkBytes(chunk);
  message.content += entry.encrypted ? Math.max(0, payload.length - TAG_BYTES) : payload.length;
  message.next += 1;
  message.touchedAt = now;
}

function defectOf(entry: WireEntry, message: ChunkedMessage, maxBytes: number, atOnce: number): string | null {
  if (entry.totalChunkSize > maxBytes) {
    return `a chunked message of ${entry.totalChunkSize} bytes; at most ${maxBytes} are read`;
  }
  if (atOnce > MOST_AT_ONCE) return `more than ${MOST_AT_ONCE} chunked messages at once`;
  if (entry.chunks > MOST_CHUNKS) return `a message of more than ${MOST_CHUNKS} chunks`;
  if (message.size > 2 * maxBytes + message.next * CHUNK_OVERHEAD)
    return `the chunks of a message take ${message.size} bytes of memory`;
  const last = message.next === entry.chunks;
  if (message.content > entry.totalChunkSize || (last && message.content !== entry.totalChunkSize)) {
    return `the chunks of a message of ${entry.totalChunkSize} bytes hold ${message.content}`;
  }
  return null;
}
