import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import { partitionIndex } from "../broker/topic-name.ts";
import type { KeyWatch } from "../encryption/key-watch.ts";
import { chunkBytes } from "../protocol/chunk.ts";
import { type DecodedEntry, defectiveEntry } from "../protocol/decoded-entry.ts";
import type { EntryDecoder } from "../protocol/entry-decoder.ts";
import type { EntryPosition } from "../protocol/message.ts";
import type { MessageCommand } from "../protocol/message-command.ts";
import type { Defect, ReceiveBudget } from "../source.ts";
import type { Acknowledger } from "./acknowledger.ts";
import { type ChunkedMessage, createChunkCollector, type WaitingChunks } from "./chunk-collector.ts";
import { type DeliveryOwner, WireDelivery } from "./delivery.ts";
import { compareEntries, type EntryId } from "./entry-id.ts";

export interface ActivationOptions {
  readonly topic: string;
  readonly epoch: number;
  /** Exclusive or Failover: entries come in order, from the first unacknowledged one. */
  readonly ordered: boolean;
  readonly heardAt: () => number;
  readonly acks: Acknowledger;
  readonly budget: ReceiveBudget;
  readonly decoder: EntryDecoder;
  readonly maxUncompressedBytes: number;
  readonly waitingChunks: WaitingChunks;
  /** False while the broker may send nothing, or what it sends is not read. */
  readonly asking: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Null without keys. Ordered pipelines have a stopped topic-partition sent again by themselves. */
  readonly keyWatch: KeyWatch | null;
  readonly deliver: (delivery: WireDelivery) => void;
}

/** What lies between becoming the active consumer of a topic-partition and ceasing to be: entries in, acknowledgements out. */
export interface Activation extends DeliveryOwner {
  /** Decodes what follows the command of a MESSAGE frame and hands it on. @throws SourceError as the decoder */
  receive(command: MessageCommand, bytes: Buffer, start: number, end: number, owned: boolean): DecodedEntry;
  end(): void;
}

export function createActivation(options: ActivationOptions): Activation {
  const { topic, epoch, ordered, acks, budget, waitingChunks, decoder, log } = options;
  const partition = partitionIndex(topic);
  /** Chunked messages that were handed on and are not done. */
  const handedOn = new Set<WireDelivery>();
  let previous: EntryId | null = null;
  /** Up to where the pipeline is done. Not the delivery, which would keep its messages. */
  let wanted: EntryId | null = null;

  const assignment = {
    topic,
    epoch,
    active: true,
    get heardAt() {
      return options.heardAt();
    },
  };

  /** Takes bytes of chunks from the budget, or gives them back. */
  const hold = (bytes: number): void => {
    budget.take(bytes);
    waitingChunks.bytes += bytes;
  };

  const chunks = createChunkCollector({
    maxBytes: options.maxUncompressedBytes,
    waiting: waitingChunks,
    asking: options.asking,
    clock: options.clock,
    onExpired(message) {
      hold(-message.size);
      log.warn("a chunked message stayed incomplete and is left out", { topic, chunks: message.next });
      if (wanted !== null) acknowledgeThrough(wanted);
    },
  });

  const handOn = (decoded: DecodedEntry, id: EntryId, redeliveries: number, chunked: ChunkedMessage | null): void => {
    const delivery = new WireDelivery(activation, decoded, id, redeliveries, chunked);
    if (chunked !== null && ordered) handedOn.add(delivery);
    if (!ordered) options.keyWatch?.add(delivery);
    budget.take(decoded.retainedBytes);
    options.deliver(delivery);
  };

  const onChunk = (decoded: DecodedEntry, chunk: Buffer, position: EntryPosition, redeliveries: number): void => {
    const id: EntryId = [position.ledger, position.entry];
    const part = { entry: decoded.entry, payload: chunk, position };
    const outcome = chunks.add(part, previous);
    if (outcome.kind === "waiting") hold(chunkBytes(part));
    if (outcome.kind === "waiting" || outcome.kind === "defective") return;
    if (outcome.kind === "stray") {
      log.warn("a chunk without its beginning is left out", { topic, message: id.join(":") });
      // In order, the beginning would have come before: it is gone for good. Shared, another consumer may hold it.
      if (ordered) acks.entry(id[0], id[1]);
      return;
    }
    const { message } = outcome;
    hold(chunkBytes(part) - message.size);
    if (outcome.kind === "defect") {
      const payload = Buffer.concat(message.chunks.map(({ payload: bytes }) => bytes));
      const defect: Defect = { code: "CorruptEntry", message: outcome.defect };
      handOn(defectiveEntry(decoded.entry, position, defect, payload), id, redeliveries, message);
    } else {
      const whole = decoder.assemble(message.chunks);
      if ("entry" in whole) handOn(whole, id, redeliveries, message);
      else handOnApart(message, whole, redeliveries);
    }
    // What was handed on has them now.
    message.chunks.length = 0;
  };

  /** Each chunk of a message that cannot be decrypted goes by itself, since each was encrypted by itself. */
  const handOnApart = (message: ChunkedMessage, defect: Defect, redeliveries: number): void => {
    const { chunks: parts } = message;
    for (const [index, { entry, payload, position }] of parts.entries()) {
      const id: EntryId = [position.ledger, position.entry];
      // The last one holds back cumulative acknowledgements, as the whole message would have done.
      const last = index === parts.length - 1 ? { ...message, ids: [...id] } : null;
      handOn(defectiveEntry(entry, position, defect, payload), id, redeliveries, last);
    }
  };

  const acknowledgeThrough = (id: EntryId): void => {
    wanted = id;
    let mark: EntryId | null = id;
    for (const done of handedOn) if (compareEntries(done.id, id) <= 0) handedOn.delete(done);
    // The first chunk of a message that is not done lies before its last one: the acknowledgement must not cover it.
    for (const open of [...chunks.pending(), ...[...handedOn].flatMap(({ chunked }) => chunked ?? [])]) {
      if (mark !== null && (open.before === null || compareEntries(open.before, mark) < 0)) mark = open.before;
    }
    if (mark !== null) acks.through(mark[0], mark[1]);
  };

  const activation: Activation = {
    assignment,
    receive(command, bytes, start, end, owned) {
      const { ledger, entry, redeliveryCount } = command;
      const position: EntryPosition = { ledger, entry, partition };
      const decoded = decoder.decode(bytes, start, end, owned, position, command.ackSet);
      if (decoded.chunk !== null) onChunk(decoded, decoded.chunk, position, redeliveryCount);
      else if (decoded.messages.length === 0) acks.entry(ledger, entry);
      else handOn(decoded, [ledger, entry], redeliveryCount, null);
      previous = [ledger, entry];
      return decoded;
    },
    acknowledge(delivery) {
      options.keyWatch?.remove(delivery);
      const ids = delivery.chunked?.ids ?? delivery.id;
      for (let index = 0; index < ids.length; index += 2) acks.entry(ids[index] as number, ids[index + 1] as number);
    },
    acknowledgeThrough: ({ id }) => acknowledgeThrough(id),
    end() {
      assignment.active = false;
      for (const message of chunks.pending()) hold(-message.size);
      chunks.clear();
      options.keyWatch?.end();
    },
  };
  return activation;
}
