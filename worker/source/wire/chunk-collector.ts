import type { Clock, Timer } from "../../../runtime/clock.ts";
import { TAG_BYTES } from "../encryption/decryptor.ts";
import { type Chunk, chunkBytes } from "../protocol/chunk.ts";
import type { WireEntry } from "../protocol/entry.ts";
import type { EntryId } from "./entry-id.ts";
import type { Incomplete } from "./incomplete.ts";

/**
 * A chunked message that grew no further for this long, though more was asked for, was given up by its producer (the
 * official clients' default).
 */
const EXPIRY_MS = 60_000;
/** More chunked messages at once, from as many producers, are not collected. */
const MOST_AT_ONCE = 100;
/** Each takes some memory beside its bytes, and may have none. */
const MOST_CHUNKS = 10_000;

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
  next: number;
  touchedAt: number;
}

export type ChunkOutcome =
  | { readonly kind: "waiting" }
  /** A chunk without its beginning, or once more: nothing to be had from it. */
  | { readonly kind: "stray" }
  /** One more chunk of a message that was told to be a defect. */
  | { readonly kind: "defective" }
  | CollectedChunks;

/** All chunks of a message; or why no more of it is collected. */
export interface CollectedChunks {
  readonly kind: "collected";
  readonly message: ChunkedMessage;
  readonly defect: string | null;
}

export interface ChunkCollector {
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
}

/**
 * Collects the chunks of messages that are larger than a frame. `onExpired` hears of those that stay incomplete.
 * `maxBytes` bounds each, and what waits for the rest of others while one is added. The caller counts `waiting`.
 */
export function createChunkCollector(options: ChunkCollectorOptions): ChunkCollector {
  return new BoundedChunkCollector(options);
}

class BoundedChunkCollector implements ChunkCollector {
  readonly #options: ChunkCollectorOptions;
  /** Incomplete ones, by uuid. */
  readonly #messages = new Map<string, ChunkedMessage>();
  /** Uuids of the latest that were told to be defects. */
  readonly #defects = new Set<string>();
  #timer: Timer | null = null;

  constructor(options: ChunkCollectorOptions) {
    this.#options = options;
  }

  add(chunk: Chunk, before: EntryId | null): ChunkOutcome {
    const { maxBytes, waiting, clock } = this.#options;
    const { entry } = chunk;
    const uuid = entry.uuid ?? "";
    if (entry.chunkId === 0 && !this.#messages.has(uuid)) this.#begin(uuid, before);
    const message = this.#messages.get(uuid);
    if (message === undefined || entry.chunkId !== message.next) {
      return { kind: message === undefined && this.#defects.has(uuid) ? "defective" : "stray" };
    }
    const others = waiting.bytes - message.size;
    append(message, chunk, clock.now());
    const defect = defectOf(entry, message, maxBytes, others, this.#messages.size);
    if (defect !== null) {
      this.#messages.delete(uuid);
      this.#defects.add(uuid);
      if (this.#defects.size > MOST_AT_ONCE) this.#defects.delete(this.#defects.values().next().value ?? "");
      return { kind: "collected", message, defect };
    }
    if (message.next < entry.chunks) return { kind: "waiting" };
    this.#messages.delete(uuid);
    return { kind: "collected", message, defect };
  }

  pending(): Iterable<ChunkedMessage> {
    return this.#messages.values();
  }

  clear(): void {
    this.#timer?.cancel();
    this.#messages.clear();
  }

  #begin(uuid: string, before: EntryId | null): void {
    this.#messages.set(uuid, { uuid, chunks: [], ids: [], before, size: 0, content: 0, next: 0, touchedAt: 0 });
    this.#timer ??= this.#options.clock.timer(EXPIRY_MS / 4, () => this.#expire());
  }

  #expire(): void {
    const { clock, onExpired } = this.#options;
    this.#timer = null;
    const asking = this.#options.asking();
    for (const message of this.#messages.values()) {
      if (!asking) message.touchedAt = clock.now();
      if (clock.now() - message.touchedAt < EXPIRY_MS) continue;
      this.#messages.delete(message.uuid);
      onExpired(message);
    }
    if (this.#messages.size > 0) this.#timer = clock.timer(EXPIRY_MS / 4, () => this.#expire());
  }
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

function defectOf(
  entry: WireEntry,
  message: ChunkedMessage,
  maxBytes: number,
  others: number,
  atOnce: number,
): string | null {
  if (entry.totalChunkSize > maxBytes) {
    return `a chunked message of ${entry.totalChunkSize} bytes; at most ${maxBytes} are read`;
  }
  if (atOnce > MOST_AT_ONCE) return `more than ${MOST_AT_ONCE} chunked messages at once`;
  if (message.next > MOST_CHUNKS) return `a message of more than ${MOST_CHUNKS} chunks`;
  if (message.size > 2 * maxBytes) return `the chunks of a message take ${message.size} bytes of memory`;
  if (others > maxBytes) return `chunks of ${others} bytes wait for their rest; at most ${maxBytes} may`;
  const last = message.next === entry.chunks;
  if (message.content > entry.totalChunkSize || (last && message.content !== entry.totalChunkSize)) {
    return `the chunks of a message of ${entry.totalChunkSize} bytes hold ${message.content}`;
  }
  return null;
}
