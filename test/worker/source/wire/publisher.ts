import { createHash } from "node:crypto";
import { deflateSync, zstdCompressSync } from "node:zlib";
import { compressSync as lz4CompressSync } from "lz4-napi";
import { compressSync as snappyCompressSync } from "snappy";
import { systemClock } from "../../../../runtime/clock.ts";
import { createLookup, type Lookup } from "../../../../worker/source/broker/lookup.ts";
import { createPool } from "../../../../worker/source/broker/pool.ts";
import { createProducer, type Producer, type PublishMetadata } from "../../../../worker/source/broker/producer.ts";
import { parseServiceUrl } from "../../../../worker/source/broker/service-url.ts";
import { fullTopicName } from "../../../../worker/source/broker/topic-name.ts";
import type { Authentication } from "../../../../worker/source/options.ts";
import { Compression } from "../../../../worker/source/protocol/compression.ts";
import { type SingleMetadata, singleMetadata } from "../../../../worker/source/protocol/metadata-codec.ts";
import type { CompressionType, SchemaInfo } from "../../../../worker/source/source.ts";
import { silentLog } from "../../../silent-log.ts";

export interface BatchMessage extends Omit<SingleMetadata, "payloadSize"> {
  readonly payload: Uint8Array;
}

/** Publishes entries of any shape, as the official clients would write them. */
export interface Publisher {
  readonly lookup: Lookup;
  registerSchema(topic: string, info: SchemaInfo): Promise<Uint8Array>;
  /** One message outside a batch. */
  single(topic: string, payload: Uint8Array, metadata?: PublishMetadata, compression?: CompressionType): Promise<void>;
  batch(
    topic: string,
    messages: readonly BatchMessage[],
    metadata?: PublishMetadata,
    compression?: CompressionType,
  ): Promise<void>;
  close(): Promise<void>;
}

export function createPublisher(serviceUrl: string, authentication: Authentication | null = null): Publisher {
  const closing = new AbortController();
  const pool = createPool({
    hosts: parseServiceUrl(serviceUrl),
    tls: {},
    authentication,
    clock: systemClock,
    log: silentLog,
    signal: closing.signal,
  });
  const lookup = createLookup(pool);
  const producers = new Map<string, Producer>();
  const producerOf = (name: string): Producer => {
    const topic = fullTopicName(name);
    const producer = producers.get(topic) ?? createProducer(topic, lookup, systemClock);
    producers.set(topic, producer);
    return producer;
  };
  const publish = (topic: string, payload: Uint8Array, metadata: PublishMetadata, kind: CompressionType) => {
    if (kind === "NONE") return producerOf(topic).publish(metadata, payload);
    const head = { ...metadata, compression: Compression[kind], uncompressedSize: payload.length };
    return producerOf(topic).publish(head, compress(kind, Buffer.from(payload)));
  };
  return {
    lookup,
    registerSchema: (topic, info) => producerOf(topic).registerSchema(info),
    single: (topic, payload, metadata = {}, compression = "NONE") => publish(topic, payload, metadata, compression),
    batch: (topic, messages, metadata = {}, compression = "NONE") =>
      publish(topic, batchPayload(messages), { ...metadata, numMessagesInBatch: messages.length }, compression),
    async close() {
      await Promise.all([...producers.values()].map((producer) => producer.close()));
      pool.close();
      closing.abort();
    },
  };
}

export function batchPayload(messages: readonly BatchMessage[]): Buffer {
  return Buffer.concat(
    messages.flatMap(({ payload, ...metadata }) => {
      const encoded = singleMetadata.encode({ ...metadata, payloadSize: payload.length });
      const size = Buffer.alloc(4);
      size.writeUInt32BE(encoded.length);
      return [size, encoded, payload];
    }),
  );
}

export function compress(kind: CompressionType, payload: Buffer): Buffer {
  if (kind === "LZ4") return lz4CompressSync(payload).subarray(4);
  if (kind === "ZLIB") return deflateSync(payload);
  if (kind === "ZSTD") return zstdCompressSync(payload);
  return kind === "SNAPPY" ? snappyCompressSync(payload) : payload;
}

/** `count` messages of `size` bytes with keys of 16 bytes. */
export function numberedMessages(count: number, size: number, keys: number, from = 0): BatchMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const number = from + index;
    const payload = Buffer.alloc(size, 0x61);
    payload.write(String(number));
    const key = createHash("md5")
      .update(String(number % keys))
      .digest("hex")
      .slice(0, 16);
    return { payload, partitionKey: key };
  });
}
