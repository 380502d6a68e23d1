/**
 * Publishes to a partitioned topic as fast as the broker takes it, or at a pace: each entry is encoded once and sent
 * again and again. `worker-producer.ts '{"serviceUrl": ..., "topic": ...}'`; ends when the broker has stored everything.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../../runtime/clock.ts";
import { createLookup } from "../../../worker/source/broker/lookup.ts";
import { createPool } from "../../../worker/source/broker/pool.ts";
import { createProducer, type Producer, type PublishMetadata } from "../../../worker/source/broker/producer.ts";
import { parseServiceUrl } from "../../../worker/source/broker/service-url.ts";
import { silentLog } from "../../silent-log.ts";
import { batchPayload } from "../../worker/source/wire/publisher.ts";

export interface ProducerTask {
  readonly serviceUrl: string;
  readonly topic: string;
  readonly partitions: number;
  /** Distinct keys of all topic-partitions, about; 1 is the same key in each. */
  readonly keys: number;
  /** Bytes of a message. */
  readonly size: number;
  readonly batch: number;
  readonly messages: number;
  /**
   * Messages a second, each with the time at its beginning: what is due each millisecond is an entry, to one
   * topic-partition after the other. Null for as many as the broker takes, in entries of `batch`.
   */
  readonly pace: number | null;
}

/** Entries of a topic-partition on their way to the broker, at most; and bytes of all, for which it has memory. */
const IN_FLIGHT = 8;
const IN_FLIGHT_UNBATCHED = 200;
const IN_FLIGHT_BYTES = 32 * 1024 * 1024;
const PUBLISH_ATTEMPTS = 30;
const RETRY_MS = 500;
/** Different entries of a topic-partition, at least; and enough that all its keys occur. */
const ENTRIES = 16;

/** Sixteen characters, each key in one topic-partition. */
function keysOf(task: ProducerTask, partition: number): string[] {
  const count = Math.max(1, Math.round(task.keys / task.partitions));
  const owner = partition % task.keys;
  return Array.from({ length: count }, (_, index) =>
    createHash("md5").update(`${owner}/${index}`).digest("hex").slice(0, 16),
  );
}

/** A broker under load may close a connection; an entry that comes twice does no harm here. */
async function publish(producer: Producer | undefined, metadata: PublishMetadata, payload: Uint8Array): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await producer?.publish(metadata, payload);
    } catch (error) {
      if (attempt === PUBLISH_ATTEMPTS) throw error;
      await delay(RETRY_MS);
    }
  }
}

async function fill(producer: Producer, task: ProducerTask, partition: number): Promise<void> {
  const keys = keysOf(task, partition);
  let next = 0;
  const count = Math.max(ENTRIES, Math.ceil(keys.length / task.batch));
  const entries = Array.from({ length: count }, () =>
    batchPayload(
      Array.from({ length: task.batch }, () => {
        const partitionKey = keys[(next++ * 7919) % keys.length] ?? "";
        return { partitionKey, payload: Buffer.alloc(task.size, "m") };
      }),
    ),
  );
  let left = Math.ceil(task.messages / task.partitions / task.batch);
  const loop = async (): Promise<void> => {
    while (left > 0) {
      const entry = entries[left-- % count];
      if (entry !== undefined) await publish(producer, { numMessagesInBatch: task.batch }, entry);
    }
  };
  await Promise.all(Array.from({ length: inFlight(task) }, loop));
}

function inFlight({ size, batch, partitions }: ProducerTask): number {
  const fits = Math.floor(IN_FLIGHT_BYTES / (size * batch * partitions));
  return Math.max(1, Math.min(batch === 1 ? IN_FLIGHT_UNBATCHED : IN_FLIGHT, fits));
}

async function pace(producers: readonly Producer[], task: ProducerTask, perSecond: number): Promise<void> {
  const keys = producers.map((_, partition) => keysOf(task, partition));
  const started = performance.now();
  const publishing: Promise<unknown>[] = [];
  for (let sent = 0, turn = 0; sent < task.messages; turn++) {
    await delay(1);
    const elapsed = performance.now() - started;
    const due = Math.min(task.messages, Math.floor((elapsed / 1000) * perSecond)) - sent;
    if (due <= 0) continue;
    const partition = turn % producers.length;
    const own = keys[partition] ?? [];
    const messages = Array.from({ length: due }, (_, index) => ({
      partitionKey: own[Math.floor(((sent + index) * 7919) / producers.length) % own.length] ?? "",
      payload: timedPayload(task.size),
    }));
    const [only] = messages;
    const single = due === 1 && only !== undefined;
    const metadata = single ? { partitionKey: only.partitionKey } : { numMessagesInBatch: due };
    publishing.push(publish(producers[partition], metadata, single ? only.payload : batchPayload(messages)));
    sent += due;
  }
  await Promise.all(publishing);
}

function timedPayload(size: number): Buffer {
  const payload = Buffer.alloc(size, " ");
  payload.write(String(performance.timeOrigin + performance.now()));
  return payload;
}

const task = JSON.parse(process.argv[2] ?? "{}") as ProducerTask;
const closing = new AbortController();
const pool = createPool({
  hosts: parseServiceUrl(task.serviceUrl),
  tls: {},
  authentication: null,
  clock: systemClock,
  log: silentLog,
  signal: closing.signal,
});
const lookup = createLookup(pool);
const producers = Array.from({ length: task.partitions }, (_, index) =>
  createProducer(`${task.topic}-partition-${index}`, lookup, systemClock),
);
if (task.pace === null) await Promise.all(producers.map((producer, index) => fill(producer, task, index)));
else await pace(producers, task, task.pace);
await Promise.all(producers.map((producer) => producer.close()));
closing.abort();
pool.close();
process.exit();
