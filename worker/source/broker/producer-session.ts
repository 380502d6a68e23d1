import type { Clock } from "../../../runtime/clock.ts";
import * as c from "../protocol/commands.ts";
import { Command } from "../protocol/commands.ts";
import { commandFrame, sendFrame } from "../protocol/frames.ts";
import { type EntryMetadata, entryMetadata } from "../protocol/metadata-codec.ts";
import { SourceError } from "../source.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionProducer } from "./dispatcher.ts";

const RECEIPT_TIMEOUT_MS = 30_000;

/** One PRODUCER of one topic on one connection, until it is closed or lost. */
export interface ProducerSession {
  readonly connection: Connection;
  /** As the broker gave it. */
  readonly name: string;
  readonly nextSequenceId: number;
  readonly lost: boolean;
  /**
   * Sends one entry that fits into a frame, and resolves on the broker's receipt. The session adds its name and the
   * sequence id. @throws SourceError
   */
  send(metadata: EntryMetadata, payload: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Resolves when the broker confirmed the producer. `onLost` is called when the broker or the connection closes it, which
 * may be before. @throws SourceError
 */
export async function openProducerSession(
  topic: string,
  connection: Connection,
  clock: Clock,
  onLost: (reason: SourceError) => void,
): Promise<ProducerSession> {
  const session = new TopicProducerSession(topic, connection, clock, onLost);
  await session.open();
  return session;
}

interface Receipt {
  resolve(): void;
  reject(error: SourceError): void;
}

class TopicProducerSession implements ProducerSession, ConnectionProducer {
  readonly connection: Connection;
  name = "";
  nextSequenceId = 0;
  lost = false;
  readonly #topic: string;
  readonly #id: number;
  readonly #clock: Clock;
  readonly #onLost: (reason: SourceError) => void;
  /** Of what was sent and is not confirmed, by sequence id. */
  readonly #receipts = new Map<number, Receipt>();

  constructor(topic: string, connection: Connection, clock: Clock, onLost: (reason: SourceError) => void) {
    this.connection = connection;
    this.#topic = topic;
    this.#id = connection.nextId();
    this.#clock = clock;
    this.#onLost = onLost;
  }

  /** Called once, first. @throws SourceError */
  async open(): Promise<void> {
    const { connection } = this;
    connection.addProducer(this.#id, this);
    try {
      const question = { topic: this.#topic, producerId: this.#id, userProvidedProducerName: false };
      const { producerName = "", lastSequenceId = -1 } = await connection.request(
        `publishing to ${this.#topic}`,
        Command.PRODUCER,
        c.producer,
        question,
        c.producerSuccess,
      );
      this.name = producerName;
      this.nextSequenceId = lastSequenceId + 1;
    } catch (error) {
      connection.removeProducer(this.#id);
      // An answer that was only late would leave a producer behind at the broker.
      const close = { producerId: this.#id, requestId: connection.nextId() };
      connection.write(commandFrame(Command.CLOSE_PRODUCER, c.closeProducer, close));
      throw error;
    }
  }

  async send(metadata: EntryMetadata, payload: Uint8Array): Promise<void> {
    if (this.lost) {
      throw new SourceError("BrokerNotReady", `the producer of ${this.#topic} was closed; publish again`);
    }
    const sequenceId = this.nextSequenceId++;
    const receipt = Promise.withResolvers<void>();
    this.#receipts.set(sequenceId, receipt);
    const command = c.send.encode({
      producerId: this.#id,
      sequenceId,
      numMessages: metadata.numMessagesInBatch ?? 1,
      isChunk: metadata.numChunks === undefined ? undefined : true,
    });
    const head = entryMetadata.encode({ ...metadata, producerName: this.name, sequenceId });
    for (const part of sendFrame(command, head, payload)) this.connection.write(part);
    const timer = this.#clock.timer(RECEIPT_TIMEOUT_MS, () => {
      const late = `the broker did not confirm a message to ${this.#topic} within ${RECEIPT_TIMEOUT_MS / 1000} s`;
      this.onSendError(sequenceId, new SourceError("BrokerNotReady", `${late}; publish it again`));
    });
    try {
      await receipt.promise;
    } finally {
      timer.cancel();
    }
  }

  async close(): Promise<void> {
    if (this.lost) return;
    const what = `closing the producer of ${this.#topic}`;
    const question = { producerId: this.#id };
    await this.connection
      .request(what, Command.CLOSE_PRODUCER, c.closeProducer, question, c.success)
      .catch(() => undefined);
    this.connection.removeProducer(this.#id);
  }

  onReceipt(sequenceId: number): void {
    this.#receipts.get(sequenceId)?.resolve();
    this.#receipts.delete(sequenceId);
  }

  onSendError(sequenceId: number, error: SourceError): void {
    this.#receipts.get(sequenceId)?.reject(error);
    this.#receipts.delete(sequenceId);
  }

  onClosed(reason: SourceError): void {
    this.lost = true;
    this.#onLost(reason);
    for (const receipt of this.#receipts.values()) receipt.reject(reason);
    this.#receipts.clear();
  }
}
