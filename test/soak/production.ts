/** Numbered messages for all topics of a soak, at a pace, through whatever happens to the broker. */
import { setTimeout as delay } from "node:timers/promises";
import { deflateSync } from "node:zlib";
import { systemClock } from "../../runtime/clock.ts";
import { createLookup, type Lookup } from "../../worker/source/broker/lookup.ts";
import { createPool } from "../../worker/source/broker/pool.ts";
import { createProducer, type Producer, type PublishMetadata } from "../../worker/source/broker/producer.ts";
import { parseServiceUrl } from "../../worker/source/broker/service-url.ts";
import type { Numbered } from "../load/guarantee.ts";
import { encodeBatch } from "../load/traffic.ts";
import { silentLog } from "../silent-log.ts";
import { KEYS, type SoakTopic, soakTopics, topicPartitions } from "./topics.ts";

const EVERY_MS = 100;
const MOST_AT_ONCE = 1_000;
const RETRY_MS = 250;
const HOSTILE_TRIES = 5;

/** What no worker can deliver: sizes, numbers and kinds that lie. */
const HOSTILE: readonly (readonly [metadata: PublishMetadata, payload: Buffer])[] = [
  [{ numMessagesInBatch: 2_000_000_000 }, Buffer.from("x")],
  [{ compression: 77, uncompressedSize: 5 }, Buffer.from("x")],
  [{ compression: 2, uncompressedSize: 2 ** 31 - 1 }, deflateSync(Buffer.alloc(1_000))],
  [{ numMessagesInBatch: 3 }, Buffer.from([0, 0, 0, 2, 0x18, 1, 0x61, 0, 0, 0xff])],
  [{ numMessagesInBatch: 5_600_000, compression: 2, uncompressedSize: 32 << 20 }, deflateSync(Buffer.alloc(32 << 20))],
  [{ partitionKey: "large" }, Buffer.alloc(1_100_000, "x")],
  [{ uuid: "endless", chunkId: 0, numChunks: 1_000_000, totalChunkSize: 2 ** 31 - 1 }, Buffer.from("x")],
];

export interface Production {
  pause(topic: string): Promise<void>;
  resume(topic: string, partitions: number): void;
  hostile(topic: string, which: number): Promise<void>;
  stop(): Promise<void>;
}

/** @param produced is called with each message before it is published */
export function startProduction(serviceUrl: string, rate: number, produced: (message: Numbered) => void): Production {
  const closing = new AbortController();
  const pool = createPool({
    ...{ hosts: parseServiceUrl(serviceUrl), tls: {}, authentication: null, congested: () => false },
    ...{ clock: systemClock, log: silentLog, signal: closing.signal },
  });
  const lookup = createLookup(pool);
  const topics = soakTopics();
  const numbers = new Map<string, number>();
  const share = rate / topics.length;
  const running = new Map<string, Partition[]>();
  const begin = (topic: SoakTopic): void => {
    const names = topicPartitions(topic);
    running.set(
      topic.name,
      names.map((name) => new Partition(name, share / names.length, { lookup, numbers, produced })),
    );
  };
  for (const topic of topics) begin(topic);
  const pause = async (topic: string): Promise<void> => {
    await Promise.all((running.get(topic) ?? []).map((partition) => partition.stop()));
    running.delete(topic);
  };
  return {
    pause,
    resume: (name, partitions) => begin({ name, partitions }),
    async hostile(topic, which) {
      const [partition] = running.get(topic) ?? [];
      const [metadata, payload] = HOSTILE[which % HOSTILE.length] ?? [{}, Buffer.alloc(0)];
      await partition?.publishRaw(metadata, payload);
    },
    async stop() {
      await Promise.all([...running.keys()].map(pause));
      closing.abort();
      pool.close();
    },
  };
}

interface Shared {
  readonly lookup: Lookup;
  /** The last number of each sequence. */
  readonly numbers: Map<string, number>;
  readonly produced: (message: Numbered) => void;
}

/** One topic-partition: one entry at a time, which is published until it is stored, so that repetitions are rewinds. */
class Partition {
  readonly #name: string;
  readonly #rate: number;
  readonly #shared: Shared;
  readonly #producer: Producer;
  readonly #running: Promise<void>;
  #stopped = false;
  #turn = 0;

  constructor(name: string, rate: number, shared: Shared) {
    this.#name = name;
    this.#rate = rate;
    this.#shared = shared;
    this.#producer = createProducer(name, shared.lookup, systemClock);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.#producer.close();
  }

  async publishRaw(metadata: PublishMetadata, payload: Uint8Array): Promise<void> {
    // A producer of its own: a broker that does not like it closes that one.
    const producer = createProducer(this.#name, this.#shared.lookup, systemClock);
    try {
      await publish(producer, metadata, payload, HOSTILE_TRIES);
    } finally {
      await producer.close();
    }
  }

  async #run(): Promise<void> {
    const started = performance.now();
    // Not all at the same moment.
    await delay(Math.random() * EVERY_MS);
    for (let sent = 0; !this.#stopped; await delay(EVERY_MS)) {
      const due = Math.floor(((performance.now() - started) / 1000) * this.#rate) - sent;
      for (let left = due; left > 0; ) {
        const count = Math.min(left, MOST_AT_ONCE);
        const batch = Array.from({ length: count }, () => this.#next());
        for (const message of batch) this.#shared.produced(message);
        await publish(this.#producer, { numMessagesInBatch: count }, encodeBatch(batch), Number.POSITIVE_INFINITY);
        sent += count;
        left -= count;
      }
    }
  }

  #next(): Numbered {
    const key = `key-${this.#turn++ % KEYS}`;
    const name = `${this.#name} ${key}`;
    const number = (this.#shared.numbers.get(name) ?? 0) + 1;
    this.#shared.numbers.set(name, number);
    return { topicPartition: this.#name, key, number };
  }
}

async function publish(
  producer: Producer,
  metadata: PublishMetadata,
  payload: Uint8Array,
  tries: number,
): Promise<void> {
  for (let left = tries; ; left--) {
    try {
      return await producer.publish(metadata, payload);
    } catch (error) {
      if (left <= 1) throw error;
      await delay(RETRY_MS);
    }
  }
}
