import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import { partitionIndex } from "../broker/topic-name.ts";
import type { KeyWatch } from "../encryption/key-watch.ts";
import { type Chunk, chunkBytes } from "../protocol/chunk.ts";
import { type DecodedEntry, defectiveEntry } from "../protocol/decoded-entry.ts";
import type { WireEntry } from "../protocol/entry.ts";
import type { EntryDecoder } from "../protocol/entry-decoder.ts";
import type { EntryPosition } from "../protocol/message.ts";
import type { MessageCommand } from "../protocol/message-command.ts";
import type { Assignment, BudgetShare, Defect, ReceiveBudget } from "../source.ts";
import type { Acknowledger } from "./acknowledger.ts";
import {
  type ChunkCollector,
  type ChunkedMessage,
  type CollectedChunks,
  createChunkCollector,
  type StrayChunk,
} from "./chunk-collector.ts";
import { type DeliveryOwner, WireDelivery } from "./delivery.ts";
import { compareEntries, cumulativeThrough, type EntryId } from "./entry-id.ts";
import type { Incomplete, Room } from "./incomplete.ts";
import { PartedEntries } from "./parted-entries.ts";

/** Ledgers and entries of one defective message that are kept until it is done; its further chunks are acknowledged at once. */
const MOST_IDS = 20_000;

export interface ActivationOptions {
  readonly topic: string;
  readonly epoch: number;
  /** As {@link Assignment.cluster}. */
  readonly cluster?: string | undefined;
  /** Exclusive or Failover: entries come in order, from the first unacknowledged one. */
  readonly ordered: boolean;
  /** As of the connection of its consumer. */
  readonly answeredAt: () => number;
  readonly acks: Acknowledger;
  readonly budget: Pick<ReceiveBudget, "free" | "shareOf">;
  readonly decoder: EntryDecoder;
  readonly maxUncompressedBytes: number;
  readonly incomplete: Incomplete;
  readonly room: Room;
  /** True when nothing more is to be handed on. */
  readonly stopped: () => boolean;
  /** False while the broker may send nothing, or what it sends is not read. */
  readonly asking: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Null without keys. Ordered pipelines have a stopped topic-partition sent again by themselves. */
  readonly keyWatch: KeyWatch | null;
  readonly deliver: (delivery: WireDelivery) => void;
  /** An entry that was held was read; as `Permits.received`. */
  readonly onLate: (permits: number, bytes: number) => void;
  /** An entry that was held cannot be read now. */
  readonly onUnreadable: (error: unknown) => void;
}

/** What lies between becoming the active consumer of a topic-partition and ceasing to be: entries in, acknowledgements out. */
export interface Activation extends DeliveryOwner {
  /**
   * Decodes what follows the command of a MESSAGE frame and hands it on.
   * @returns null: it waits, and `onLate` will tell
   * @throws SourceError as the decoder
   */
  receive(command: MessageCommand, bytes: Buffer, start: number, end: number, owned: boolean): DecodedEntry | null;
  end(): void;
}

export function createActivation(options: ActivationOptions): Activation {
  return new TopicActivation(options);
}

class TopicActivation implements Activation {
  readonly assignment: ActiveAssignment;
  readonly #options: ActivationOptions;
  readonly #share: BudgetShare;
  readonly #partition: number;
  readonly #chunks: ChunkCollector;
  /** Chunked messages that were handed on and are not done. Ordered only. */
  readonly #openChunked = new Set<WireDelivery>();
  readonly #parted: PartedEntries;
  #previous: EntryId | null = null;
  /** The first chunk of a message that waits for memory. */
  #waitsFor: WireEntry | null = null;
  /** The last one that came: one that lies before it came again. */
  #last: EntryId | null = null;
  /** Up to where the pipeline is done. Not the delivery, which would keep its messages alive. */
  #doneThrough: EntryId | null = null;

  constructor(options: ActivationOptions) {
    this.assignment = new ActiveAssignment(options);
    this.#options = options;
    this.#share = options.budget.shareOf(this.assignment);
    this.#partition = partitionIndex(options.topic);
    this.#parted = new PartedEntries({
      ...options,
      owner: this,
      share: this.#share,
      read: ({ command, bytes, start, end, owned }) => this.#read(command, bytes, start, end, owned),
    });
    this.#chunks = createChunkCollector({
      maxBytes: options.maxUncompressedBytes,
      waiting: options.incomplete,
      asking: () => !this.#parted.isBusy && options.asking(),
      clock: options.clock,
      onExpired: (message) => this.#onExpired(message),
      onStrays: options.ordered ? null : (strays) => this.#onStrays(strays),
    });
  }

  receive(command: MessageCommand, bytes: Buffer, start: number, end: number, owned: boolean): DecodedEntry | null {
    const decoded = this.#parted.isBusy ? null : this.#read(command, bytes, start, end, owned);
    if (decoded === null) this.#parted.hold(command, bytes, start, end, owned);
    return decoded;
  }

  /** Null: not now. */
  #read(command: MessageCommand, bytes: Buffer, start: number, end: number, owned: boolean): DecodedEntry | null {
    const { ledger, entry, redeliveryCount } = command;
    const position: EntryPosition = { ledger, entry, partition: this.#partition };
    if (this.#waitsFor !== null && !this.#chunks.mayAdd(this.#waitsFor)) return null;
    const decoded = this.#options.decoder.decode(bytes, start, end, owned, position, command.ackSet);
    if (decoded === null || (decoded.chunk !== null && !this.#mayAdd(decoded.entry))) return null;
    this.#chunks.overtake(decoded.entry);
    if (decoded.chunk !== null)
      this.#onChunk({ entry: decoded.entry, payload: decoded.chunk, position }, redeliveryCount);
    else if (decoded.parts !== null && decoded.parts.left > 0)
      this.#parted.begin(decoded, decoded.parts, [ledger, entry], this.#previous, redeliveryCount);
    else if (decoded.messages.length === 0) this.#options.acks.entry(ledger, entry, decoded.permits);
    else this.#handOn(decoded, [ledger, entry], redeliveryCount, null);
    this.#previous = [ledger, entry];
    if (this.#last === null || compareEntries(this.#previous, this.#last) > 0) this.#last = this.#previous;
    return decoded;
  }

  acknowledge(delivery: WireDelivery): void {
    const { acks, keyWatch } = this.#options;
    keyWatch?.remove(delivery);
    const { chunked } = delivery;
    if (chunked !== null) chunked.isDone = true;
    const ids = chunked?.ids ?? delivery.id;
    const messages = chunked === null ? delivery.permits : 1;
    for (let at = 0; at < ids.length; at += 2) acks.entry(ids[at] as number, ids[at + 1] as number, messages);
  }

  acknowledgeThrough({ id }: WireDelivery): void {
    this.#acknowledgeThrough(id);
  }

  end(): void {
    this.assignment.end();
    const pending = [...this.#chunks.pending()];
    for (const message of pending) this.#keep(-message.size);
    this.#chunks.clear();
    if (pending.length > 0) this.#options.room.gaveBack();
    this.#parted.end();
    this.#options.keyWatch?.end();
  }

  #handOn(decoded: DecodedEntry, id: EntryId, redeliveries: number, chunked: ChunkedMessage | null): void {
    const { ordered, keyWatch, deliver } = this.#options;
    const delivery = new WireDelivery(this, decoded, id, redeliveries, chunked);
    if (chunked !== null && ordered) this.#openChunked.add(delivery);
    if (!ordered) keyWatch?.add(delivery);
    this.#share.take(decoded.retainedBytes);
    deliver(delivery);
  }

  #onChunk(chunk: Chunk, redeliveries: number): void {
    const { topic, ordered, acks, log } = this.#options;
    const { ledger, entry } = chunk.position;
    const outcome = this.#chunks.add(chunk, this.#previous);
    if (outcome.kind === "waiting") this.#keep(chunkBytes(chunk));
    else if (outcome.kind === "stray" || (outcome.kind === "surplus" && ordered)) {
      // In order, the beginning would have come before: it is gone for good. Shared, another consumer may hold it.
      if (!ordered || this.#last === null || compareEntries([ledger, entry], this.#last) > 0) {
        log.warn("a chunk without its beginning is left out", { topic, message: `${ledger}:${entry}` });
        if (ordered) acks.entry(ledger, entry);
      }
    } else if (outcome.kind === "copy" || outcome.kind === "surplus") acks.entry(ledger, entry);
    else if (outcome.kind === "defective") this.#onDefective(outcome.message, ledger, entry);
    else if (outcome.kind === "collected") {
      this.#keep(chunkBytes(chunk) - outcome.message.size);
      this.#handOnChunked(outcome, chunk, redeliveries);
      // What was handed on has them now.
      outcome.message.chunks.length = 0;
    }
  }

  /** In order, what covers the defect covers its rest. Shared, the rest goes with it. */
  #onDefective(message: ChunkedMessage, ledger: number, entry: number): void {
    if (this.#options.ordered) return;
    if (message.isDone || message.ids.length >= MOST_IDS) this.#options.acks.entry(ledger, entry);
    else message.ids.push(ledger, entry);
  }

  /** `last` is the chunk that completed the message, or made it a defect. */
  #handOnChunked({ message, defect }: CollectedChunks, last: Chunk, redeliveries: number): void {
    const { entry, position } = last;
    const id: EntryId = [position.ledger, position.entry];
    if (defect !== null) {
      const payload = Buffer.concat(message.chunks.map((chunk) => chunk.payload));
      const decoded = defectiveEntry(entry, position, { code: "CorruptEntry", message: defect }, payload);
      this.#handOn(decoded, id, redeliveries, message);
      return;
    }
    const whole = this.#options.decoder.assemble(message.chunks);
    if ("entry" in whole) this.#handOn(whole, id, redeliveries, message);
    else this.#handOnApart(message, whole, redeliveries);
  }

  /** Each chunk of a message that cannot be decrypted goes by itself, since each was encrypted by itself. */
  #handOnApart(message: ChunkedMessage, defect: Defect, redeliveries: number): void {
    const { chunks } = message;
    for (const [index, { entry, payload, position }] of chunks.entries()) {
      const id: EntryId = [position.ledger, position.entry];
      // The last one holds back cumulative acknowledgements, as the whole message would have done.
      const last = index === chunks.length - 1 ? { ...message, ids: [...id] } : null;
      this.#handOn(defectiveEntry(entry, position, defect, payload), id, redeliveries, last);
    }
  }

  /** Whether there is memory for what the chunk begins. @throws SourceError */
  #mayAdd(entry: WireEntry): boolean {
    const mayAdd = this.#chunks.mayAdd(entry);
    this.#waitsFor = mayAdd ? null : entry;
    if (!mayAdd) {
      const { topic, log } = this.#options;
      log.warn("a chunked message waits for memory that others hold", { topic, bytes: entry.totalChunkSize });
    }
    return mayAdd;
  }

  #onExpired(message: ChunkedMessage): void {
    const { topic, ordered, acks, incomplete, room, log } = this.#options;
    this.#keep(-message.size);
    incomplete.givenUp += 1;
    const { next: chunks, ids, producerName } = message;
    const first = `${ids[0]}:${ids[1]}`;
    log.error("a chunked message stayed incomplete and is given up", { topic, message: first, chunks, producerName });
    room.gaveBack();
    if (!ordered) for (let at = 0; at < ids.length; at += 2) acks.entry(ids[at] as number, ids[at + 1] as number);
    if (this.#doneThrough !== null) this.#acknowledgeThrough(this.#doneThrough);
  }

  #onStrays(strays: readonly StrayChunk[]): void {
    const { topic, acks, incomplete, log } = this.#options;
    const uuids = new Set(strays.map(({ uuid }) => uuid));
    incomplete.givenUp += uuids.size;
    const first = strays[0]?.id.join(":");
    const fields = { topic, message: first, chunks: strays.length, messages: uuids.size };
    log.error("the beginnings of chunks did not come, and they are given up", fields);
    for (const { id } of strays) acks.entry(id[0], id[1]);
  }

  #acknowledgeThrough(id: EntryId): void {
    this.#doneThrough = id;
    const open = this.#openChunked;
    for (const delivery of open) if (compareEntries(delivery.id, id) <= 0) open.delete(delivery);
    const undone = [...this.#chunks.pending(), ...[...open].flatMap(({ chunked }) => chunked ?? [])];
    const through = cumulativeThrough(id, undone);
    if (through !== null) this.#options.acks.through(through[0], through[1]);
  }

  /** Takes bytes of chunks from the budget, or gives them back. */
  #keep(bytes: number): void {
    this.#share.take(bytes);
    this.#share.unfinished += bytes;
    this.#options.incomplete.bytes += bytes;
  }
}

class ActiveAssignment implements Assignment {
  readonly topic: string;
  readonly epoch: number;
  readonly cluster: string | undefined;
  readonly #answeredAt: () => number;
  /** Null while it is active: what is answered later was not asked by the owner. */
  #lastAnsweredAt: number | null = null;

  constructor(options: Pick<ActivationOptions, "topic" | "epoch" | "cluster" | "answeredAt">) {
    this.topic = options.topic;
    this.epoch = options.epoch;
    this.cluster = options.cluster;
    this.#answeredAt = options.answeredAt;
  }

  get active(): boolean {
    return this.#lastAnsweredAt === null;
  }

  get answeredAt(): number {
    return this.#lastAnsweredAt ?? this.#answeredAt();
  }

  end(): void {
    this.#lastAnsweredAt ??= this.#answeredAt();
  }
}
