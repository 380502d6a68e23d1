import type { Clock } from "../../../runtime/clock.ts";
import { Compression } from "../protocol/compression.ts";
import { WireEntry } from "../protocol/entry.ts";
import type { CompressionType, DeadLetter, EncryptionContext, SchemaRegistry } from "../source.ts";
import { BrokerError } from "./failures.ts";
import type { Lookup } from "./lookup.ts";
import { createProducer, type Producer, type PublishMetadata } from "./producer.ts";
import { fullTopicName } from "./topic-name.ts";

export interface DeadLetters {
  /** Resolves on the broker's receipt. @throws SourceError: try again */
  publish(topic: string, deadLetter: DeadLetter): Promise<void>;
  close(): Promise<void>;
}

/** Publishes dead letters with their payload, key, properties and schema. A partitioned topic gets them in its first partition. */
export function createDeadLetters(lookup: Lookup, schemas: SchemaRegistry, clock: Clock): DeadLetters {
  const producers = new Map<string, Promise<Producer>>();
  const versions = new Map<string, Promise<Uint8Array | null>>();

  const producerOf = (topic: string): Promise<Producer> => {
    const known = producers.get(topic);
    if (known !== undefined) return known;
    const created = lookup
      .partitions(topic)
      .then((count) => createProducer(count === 0 ? topic : `${topic}-partition-0`, lookup, clock));
    producers.set(topic, created);
    created.catch(() => producers.delete(topic));
    return created;
  };

  /** The version under which the dead-letter topic knows the message's schema; null when it refuses the schema. */
  const register = async (producer: Producer, from: string, version: Uint8Array): Promise<Uint8Array | null> => {
    const info = await schemas.schema(from, version);
    if (info === null) return null;
    try {
      return await producer.registerSchema(info);
    } catch (error) {
      if (error instanceof BrokerError && error.code === "IncompatibleSchema") return null;
      throw error;
    }
  };

  const versionOf = async (producer: Producer, topic: string, deadLetter: DeadLetter): Promise<Uint8Array | null> => {
    const version = deadLetter.message.entry.schemaVersion;
    if (version === null) return null;
    const id = `${topic}\n${deadLetter.topic}\n${Buffer.from(version).toString("hex")}`;
    const known = versions.get(id);
    if (known !== undefined) return await known;
    const registered = register(producer, deadLetter.topic, version);
    versions.set(id, registered);
    registered.catch(() => versions.delete(id));
    return await registered;
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
