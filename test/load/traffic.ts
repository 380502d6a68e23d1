import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { createLookup } from "../../worker/source/broker/lookup.ts";
import { createPool } from "../../worker/source/broker/pool.ts";
import { createProducer, type Producer } from "../../worker/source/broker/producer.ts";
import { parseServiceUrl } from "../../worker/source/broker/service-url.ts";
import { singleMetadata } from "../../worker/source/protocol/metadata-codec.ts";
import { readStream, type UserRecord } from "../fakes/read-stream.ts";
import { checkGuarantee, type GuaranteeResult, type Mode, type Numbered } from "./guarantee.ts";

/** Publishes numbered messages with keys to a partitioned topic, in batches, each key in one partition. */
export interface Traffic {
  /** Publishes the next `count` messages; resolves when the broker stored them all. */
  publish(count: number): Promise<void>;
  /** Publishes a message of that many bytes to a partition; it is none of {@link produced}. */
  publishLarge(partition: number, bytes: number): Promise<void>;
  /** All published so far. */
  readonly produced: readonly Numbered[];
  close(): Promise<void>;
}

const BATCH = 10;

export function createTraffic(options: {
  serviceUrl: string;
  topic: string;
  partitions: number;
  keys: number;
}): Traffic {
  const { topic, partitions, keys } = options;
  const closing = new AbortController();
  const log = createLogger({ program: "traffic", level: "warn" });
  const pool = createPool({
    hosts: parseServiceUrl(options.serviceUrl),
    tls: {},
    authentication: null,
    clock: systemClock,
    log,
    signal: closing.signal,
  });
  const lookup = createLookup(pool);
  const names = Array.from({ length: partitions }, (_, index) => `${topic}-partition-${index}`);
  const producers = names.map((name) => createProducer(name, lookup, systemClock));
  const numbers = new Map<string, number>();
  const produced: Numbered[] = [];
  let next = 0;

  const publishTo = async (producer: Producer, messages: readonly Numbered[]) => {
    for (let start = 0; start < messages.length; start += BATCH) {
      const batch = messages.slice(start, start + BATCH);
      await producer.publish({ numMessagesInBatch: batch.length }, encodeBatch(batch));
    }
  };

  return {
    produced,
    publish: async (count) => {
      const byPartition = names.map((): Numbered[] => []);
      for (let i = 0; i < count; i++) {
        const keyIndex = next++ % keys;
        const key = `key-${keyIndex}`;
        const number = (numbers.get(key) ?? 0) + 1;
        numbers.set(key, number);
        const partition = keyIndex % partitions;
        byPartition[partition]?.push({ topicPartition: names[partition] ?? "", key, number });
      }
      await Promise.all(
        producers.map(async (producer, partition) => {
          const messages = byPartition[partition] ?? [];
          await publishTo(producer, messages);
          produced.push(...messages);
        }),
      );
    },
    publishLarge: async (partition, bytes) =>
      await producers[partition]?.publish({ partitionKey: "large" }, Buffer.alloc(bytes, "x")),
    close: async () => {
      await Promise.all(producers.map((producer) => producer.close()));
      closing.abort();
      pool.close();
    },
  };
}

/** The payload says which message it is, so that what was read can be compared without anything else. */
export function encodeBatch(messages: readonly Numbered[]): Buffer {
  const parts = messages.flatMap((message) => {
    const payload = Buffer.from(JSON.stringify(message));
    const metadata = singleMetadata.encode({ partitionKey: message.key, payloadSize: payload.length });
    const size = Buffer.alloc(4);
    size.writeUInt32BE(metadata.length);
    return [size, metadata, payload];
  });
  return Buffer.concat(parts);
}

/** What a consumer of the stream sees, in its order; every record must be one of {@link Traffic}'s. */
export async function readNumbered(endpoint: string, stream: string): Promise<Numbered[]> {
  return (await readStream(endpoint, stream)).records.map(numbered);
}

/** Holds what a consumer of the stream reads now to the guarantee. */
export async function checkStream(
  produced: readonly Numbered[],
  endpoint: string,
  stream: string,
  mode: Mode,
): Promise<GuaranteeResult> {
  return checkGuarantee(produced, await readNumbered(endpoint, stream), mode);
}

/** The message that a record is. @throws when its partition key is another */
export function numbered({ data, partitionKey }: UserRecord): Numbered {
  const message = JSON.parse(data.toString("utf8")) as Numbered;
  if (message.key !== partitionKey)
    throw new Error(`the record of key ${message.key} has partition key ${partitionKey}`);
  return message;
}
