import type { Clock } from "../../../runtime/clock.ts";
import * as c from "../protocol/commands.ts";
import { Command } from "../protocol/commands.ts";
import { commandFrame, sendFrame } from "../protocol/frames.ts";
import { type EntryMetadata, entryMetadata } from "../protocol/metadata-codec.ts";
import { type SchemaInfo, SourceError } from "../source.ts";
import type { Connection } from "./connection.ts";
import type { Lookup } from "./lookup.ts";
import { registerSchema } from "./schemas.ts";

const RECEIPT_TIMEOUT_MS = 30_000;
/** Room for the metadata beside the payload, when they do not need more. */
const METADATA_ROOM = 16 * 1024;
/** Brokers take frames this much larger than the largest payload (10 KiB), less what we leave to the command and to chunks. */
const FRAME_PADDING = 8 * 1024;

/** Metadata of an entry; the producer adds its name, the sequence id, the publish time, and chunks where it makes them. */
export type PublishMetadata = Omit<EntryMetadata, "producerName" | "sequenceId">;

export interface Producer {
  /**
   * Publishes one entry and resolves when the broker has stored it. A payload larger than a frame goes as chunks.
   * @throws SourceError when it is not known to be stored: publish it again, at the risk of a duplicate
   */
  publish(metadata: PublishMetadata, payload: Uint8Array): Promise<void>;
  /** Registers a schema with the topic and tells its version. @throws SourceError */
  registerSchema(info: SchemaInfo): Promise<Uint8Array>;
  close(): Promise<void>;
}

interface OpenProducer {
  readonly connection: Connection;
  readonly id: number;
  readonly name: string;
  readonly pending: Map<number, { resolve(): void; reject(error: SourceError): void }>;
  next: number;
  lost: boolean;
}

/** A producer of one topic (not partitioned, or one partition), connected at the first message and again after a loss. */
export function createProducer(topic: string, lookup: Lookup, clock: Clock): Producer {
  let opening: Promise<OpenProducer> | null = null;

  const open = async (): Promise<OpenProducer> => {
    const connection = await lookup.broker(topic);
    const id = connection.nextId();
    const pending: OpenProducer["pending"] = new Map();
    const state = { lost: false };
    connection.addProducer(id, {
      onReceipt(sequenceId) {
        pending.get(sequenceId)?.resolve();
        pending.delete(sequenceId);
      },
      onSendError(sequenceId, error) {
        pending.get(sequenceId)?.reject(error);
        pending.delete(sequenceId);
      },
      onClosed(reason) {
        state.lost = true;
        opening = null;
        for (const send of pending.values()) send.reject(reason);
        pending.clear();
      },
    });
    try {
      const question = { topic, producerId: id, userProvidedProducerName: false };
      const { producerName = "", lastSequenceId = -1 } = await connection.request(
        `publishing to ${topic}`,
        Command.PRODUCER,
        c.producer,
        question,
        c.producerSuccess,
      );
      return Object.assign(state, { connection, id, name: producerName, pending, next: lastSequenceId + 1 });
    } catch (error) {
      connection.removeProducer(id);
      // An answer that was only late would leave a producer behind at the broker.
      const close = { producerId: id, requestId: connection.nextId() };
      connection.write(commandFrame(Command.CLOSE_PRODUCER, c.closeProducer, close));
      throw error;
    }
  };

  const current = (): Promise<OpenProducer> => {
    if (opening !== null) return opening;
    const started = open();
    opening = started;
    started.catch(() => {
      if (opening === started) opening = null;
    });
    return started;
  };

  const sendOne = async (producer: OpenProducer, metadata: EntryMetadata, payload: Uint8Array): Promise<void> => {
    if (producer.lost) throw new SourceError("BrokerNotReady", `the producer of ${topic} was closed; publish again`);
    const sequenceId = producer.next++;
    const receipt = Promise.withResolvers<void>();
    producer.pending.set(sequenceId, receipt);
    const command = c.send.encode({
      producerId: producer.id,
      sequenceId,
      numMessages: metadata.numMessagesInBatch ?? 1,
      isChunk: metadata.numChunks === undefined ? undefined : true,
    });
    const head = { ...metadata, producerName: producer.name, sequenceId };
    for (const part of sendFrame(command, entryMetadata.encode(head), payload)) producer.connection.write(part);
    const timer = clock.timer(RECEIPT_TIMEOUT_MS, () => {
      producer.pending.delete(sequenceId);
      receipt.reject(
        new SourceError(
          "BrokerNotReady",
          `the broker did not confirm a message to ${topic} within ${RECEIPT_TIMEOUT_MS / 1000} s; publish it again`,
        ),
      );
    });
    try {
      await receipt.promise;
    } finally {
      timer.cancel();
    }
  };

  return {
    async publish(metadata, payload) {
      const producer = await current();
      const whole = { publishTime: clock.wall(), ...metadata };
      const largest = largestPayload(producer.connection.maxMessageSize, whole);
      if (payload.length <= largest) return await sendOne(producer, whole, payload);
      const numChunks = Math.ceil(payload.length / largest);
      const uuid = `${producer.name}-${producer.next}`;
      await Promise.all(
        Array.from({ length: numChunks }, (_, chunkId) => {
          const part = payload.subarray(chunkId * largest, (chunkId + 1) * largest);
          return sendOne(producer, { ...whole, uuid, numChunks, chunkId, totalChunkSize: payload.length }, part);
        }),
      );
    },
    async registerSchema(info) {
      const { connection } = await current();
      return await registerSchema(connection, topic, info);
    },
    async close() {
      const producer = await opening?.catch(() => null);
      if (producer === undefined || producer === null || producer.lost) return;
      const { connection, id } = producer;
      const question = { producerId: id };
      await connection
        .request(`closing the producer of ${topic}`, Command.CLOSE_PRODUCER, c.closeProducer, question, c.success)
        .catch(() => undefined);
      connection.removeProducer(id);
    },
  };
}

/** What was encrypted as one can be read as one only: it gets all the room that there is. @throws SourceError */
function largestPayload(maxMessageSize: number, metadata: EntryMetadata): number {
  const size = entryMetadata.encode(metadata).length;
  const whole = metadata.encryptionKeys !== undefined;
  const largest = whole ? maxMessageSize + FRAME_PADDING - size : maxMessageSize - Math.max(METADATA_ROOM, size);
  if (largest > 0) return largest;
  // Sent all the same, it would cost the connection, and all who use it with it.
  const text = `the properties and the key of a message take ${size} bytes; the broker takes ${maxMessageSize} with the payload`;
  throw new SourceError("ProtocolError", `${text}: raise its maxMessageSize`);
}
