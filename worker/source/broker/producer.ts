import type { Clock } from "../../../runtime/clock.ts";
import { type EntryMetadata, entryMetadata } from "../protocol/metadata-codec.ts";
import { type SchemaInfo, SourceError } from "../source.ts";
import { RedirectedError } from "./failures.ts";
import type { Lookup } from "./lookup.ts";
import type { Migrations } from "./migrations.ts";
import { openProducerSession, type ProducerSession } from "./producer-session.ts";
import { registerSchema } from "./schemas.ts";

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

/**
 * A producer of one topic (not partitioned, or one partition), connected at the first message and again after a loss.
 * @param migrations null: a topic that is migrated is lost
 */
export function createProducer(
  topic: string,
  lookup: Lookup,
  clock: Clock,
  migrations: Migrations | null = null,
): Producer {
  return new TopicProducer(topic, lookup, clock, migrations);
}

class TopicProducer implements Producer {
  readonly #topic: string;
  readonly #lookup: Lookup;
  readonly #migrations: Migrations | null;
  readonly #clock: Clock;
  /** Null before the first message, and after a loss. */
  #session: Promise<ProducerSession> | null = null;

  constructor(topic: string, lookup: Lookup, clock: Clock, migrations: Migrations | null) {
    this.#topic = topic;
    this.#lookup = lookup;
    this.#migrations = migrations;
    this.#clock = clock;
  }

  async publish(metadata: PublishMetadata, payload: Uint8Array): Promise<void> {
    const session = await this.#current();
    const whole = { publishTime: this.#clock.wall(), ...metadata };
    const largest = largestPayload(session.connection.maxMessageSize, whole);
    if (payload.length <= largest) return await session.send(whole, payload);
    const numChunks = Math.ceil(payload.length / largest);
    const uuid = `${session.name}-${session.nextSequenceId}`;
    await Promise.all(
      Array.from({ length: numChunks }, (_, chunkId) => {
        const part = payload.subarray(chunkId * largest, (chunkId + 1) * largest);
        return session.send({ ...whole, uuid, numChunks, chunkId, totalChunkSize: payload.length }, part);
      }),
    );
  }

  async registerSchema(info: SchemaInfo): Promise<Uint8Array> {
    const { connection } = await this.#current();
    return await registerSchema(connection, this.#topic, info);
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => null);
    await session?.close();
  }

  #current(): Promise<ProducerSession> {
    if (this.#session !== null) return this.#session;
    const opening = this.#open();
    this.#session = opening;
    opening.catch(() => {
      if (this.#session === opening) this.#session = null;
    });
    return opening;
  }

  async #open(): Promise<ProducerSession> {
    const connection = await this.#lookup.broker(this.#topic, "publishing");
    return await openProducerSession(this.#topic, connection, this.#clock, (reason) => this.#onLost(reason));
  }

  #onLost(reason: SourceError): void {
    this.#session = null;
    if (!(reason instanceof RedirectedError) || reason.redirection.kind !== "migrated") return;
    try {
      this.#migrations?.follow(this.#topic, reason.redirection);
    } catch {
      // What is published fails by what the broker said.
    }
  }
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
