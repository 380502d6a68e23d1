import type { Clock } from "../../../runtime/clock.ts";
import { Compression } from "../protocol/compression.ts";
import { WireEntry } from "../protocol/entry.ts";
import type { CompressionType, DeadLetter, EncryptionContext, SchemaInfo, SchemaRegistry } from "../source.ts";
import { BrokerError } from "./failures.ts";
import type { Lookup } from "./lookup.ts";
import type { Migrations } from "./migrations.ts";
import { createProducer, type Producer, type PublishMetadata } from "./producer.ts";
import { fullTopicName } from "./topic-name.ts";

/** A version is used for so long; registering it again is one request and changes nothing. */
const REGISTERED_FOR_MS = 60_000;

interface Registered {
  readonly version: Promise<Uint8Array | null>;
  /** `Clock.now()` */
  readonly until: number;
}

export interface DeadLetters {
  /** Resolves on the broker's receipt. @throws SourceError: try again */
  publish(topic: string, deadLetter: DeadLetter): Promise<void>;
  close(): Promise<void>;
}

/** Publishes dead letters with their payload, key, properties and schema. A partitioned topic gets them in its first partition. */
export function createDeadLetters(
  lookup: Lookup,
  schemas: SchemaRegistry,
  clock: Clock,
  migrations: Migrations | null = null,
): DeadLetters {
  const producers = new Map<string, Promise<Producer>>();
  const versionOf = createRegistration(schemas, clock);

  const producerOf = (topic: string): Promise<Producer> => {
    const known = producers.get(topic);
    if (known !== undefined) return known;
    const created = lookup
      .partitions(topic)
      .then((count) => createProducer(count === 0 ? topic : `${topic}-partition-0`, lookup, clock, migrations));
    producers.set(topic, created);
    created.catch(() => producers.delete(topic));
    return created;
  };

  return {
    async publish(name, deadLetter) {
      const topic = fullTopicName(name);
      const producer = await producerOf(topic);
      const schemaVersion = await versionOf(producer, topic, deadLetter);
      await producer.publish(metadataOf(deadLetter, schemaVersion), deadLetter.message.payload);
    },
    async close() {
      const open = await Promise.allSettled(producers.values());
      await Promise.all(open.map((result) => (result.status === "fulfilled" ? result.value.close() : undefined)));
    },
  };
}

/**
 * The version under which a dead-letter topic knows the schema of a message; null without one, or where it refuses it. What
 * was not registered for a while is once more, for the topic or its schemas may have been made anew.
 */
function createRegistration(schemas: SchemaRegistry, clock: Clock) {
  /** By dead-letter topic and schema: topics made from one template share theirs. Each goes with its schema. */
  const versions = new Map<string, WeakMap<SchemaInfo, Registered>>();

  const register = async (producer: Producer, info: SchemaInfo): Promise<Uint8Array | null> => {
    try {
      return await producer.registerSchema(info);
    } catch (error) {
      if (error instanceof BrokerError && error.code === "IncompatibleSchema") return null;
      throw error;
    }
  };

  const registeredOnce = (producer: Producer, topic: string, info: SchemaInfo): Promise<Uint8Array | null> => {
    const ofTopic = versions.get(topic) ?? new WeakMap<SchemaInfo, Registered>();
    versions.set(topic, ofTopic);
    const before = ofTopic.get(info);
    if (before !== undefined && clock.now() < before.until) return before.version;
    const version = register(producer, info).catch((error: unknown) => {
      if (before !== undefined) return before.version;
      ofTopic.delete(info);
      throw error;
    });
    ofTopic.set(info, { version, until: clock.now() + REGISTERED_FOR_MS });
    return version;
  };

  return async (
    producer: Producer,
    topic: string,
    { message, topic: from }: DeadLetter,
  ): Promise<Uint8Array | null> => {
    const { schemaVersion } = message.entry;
    const info = schemaVersion === null ? null : await schemas.schema(from, schemaVersion);
    return info === null ? null : await registeredOnce(producer, topic, info);
  };
}

function metadataOf({ message, reason }: DeadLetter, schemaVersion: Uint8Array | null): PublishMetadata {
  const properties = [...new Map([...message.properties, ...reason])].map(([key, value]) => ({ key, value }));
  return {
    properties,
    ...(message.key === null ? {} : { partitionKey: message.key, partitionKeyB64Encoded: message.keyIsBase64 }),
    ...(message.orderingKey === null ? {} : { orderingKey: message.orderingKey }),
    ...(message.eventTime === null ? {} : { eventTime: message.eventTime }),
    ...(message.isNull ? { nullValue: true } : {}),
    ...(schemaVersion === null ? {} : { schemaVersion }),
    ...(message.entry.encryption === null ? {} : encryptionOf(message.entry.encryption)),
    ...(message.entry instanceof WireEntry ? chunkOf(message.entry) : {}),
  };
}

function encryptionOf(context: EncryptionContext): PublishMetadata {
  const compression = Compression[context.compressionType ?? ("NONE" satisfies CompressionType)];
  return {
    encryptionKeys: context.keys.map(({ name, key, metadata }) => ({
      key: name,
      value: key,
      metadata: [...metadata].map(([entry, value]) => ({ key: entry, value })),
    })),
    ...(context.algorithm === null ? {} : { encryptionAlgo: context.algorithm }),
    encryptionParam: context.param,
    compression,
    uncompressedSize: context.uncompressedMessageSize ?? 0,
    ...(context.batchSize === null ? {} : { numMessagesInBatch: context.batchSize }),
  };
}

/** A chunk that could not be decrypted stays one: readers with the key put the dead letters together. */
function chunkOf({ encrypted, chunks, chunkId, totalChunkSize, uuid }: WireEntry): PublishMetadata {
  if (!encrypted || chunks <= 1 || uuid === null) return {};
  return { uuid, numChunks: chunks, chunkId, totalChunkSize };
}
