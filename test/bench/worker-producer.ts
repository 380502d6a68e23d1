/**
 * Publishes to a partitioned topic as fast as the broker takes it, or at a pace: each entry is encoded once and sent
 * again and again. `worker-producer.ts '{"serviceUrl": ..., "topic": ...}'`; ends when the broker has stored everything.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../runtime/clock.ts";
import { createLookup } from "../../worker/source/wire/lookup.ts";
import { createPool } from "../../worker/source/wire/pool.ts";
import { createProducer, type Producer } from "../../worker/source/wire/producer.ts";
import { parseServiceUrl } from "../../worker/source/wire/service-url.ts";
import { batchPayload } from "../worker/source/wire/publisher.ts";
import { silentLog } from "../worker/source/wire/silent-log.ts";

export interface ProducerTask {
  readonly serviceUrl: string;
  readonly topic: string;
  readonly partitions: number;
  readonly keys: number;
  /** Bytes of a message. */
  readonly size: number;
  /** Messages of an entry. */
  readonly batch: number;
  readonly messages: number;
  /** Messages a second, each with the time at its beginning; null for as many as the broker takes. */
  readonly pace: number | null;
}

/** Entries of a topic-partition on their way to the broker. */
const IN_FLIGHT = 8;
const IN_FLIGHT_UNBATCHED = 200;
/** Different entries of a topic-partition: all its keys occur. */
const ENTRIES = 16;

/** Sixteen characters, each key in one topic-partition. */
function keysOf(task: ProducerTask, partition: number): string[] {
  const count = Math.max(1, Math.floor(task.keys / task.partitions));
  return Array.from({ length: count }, (_, index) =>
    createHash("md5").update(`${partition}/${index}`).digest("hex").slice(0, 16),
  );
}

async function fill(producer: Producer, task: ProducerTask, partition: number): Promise<void> {
  const keys = keysOf(task, partition);
  let next = 0;
  const entries = Array.from({ length: ENTRIES }, () =>
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
      const entry = entries[left-- % ENTRIES];
      if (entry !== undefined) await producer.publish({ numMessagesInBatch: task.batch }, entry);
    }
  };
  await Promise.all(Array.from({ length: task.batch === 1 ? IN_FLIGHT_UNBATCHED : IN_FLIGHT }, loop));
}

async function pace(producers: readonly Producer[], task: ProducerTask, perSecond: number): Promise<void> {
  const keys = producers.map((_, partition) => keysOf(task, partition));
  const started = performance.now();
  for (let index = 0; index < task.messages; index++) {
    const partition = index % producers.length;
    const partitionKey = keys[partition]?.[index % (keys[partition]?.length ?? 1)] ?? "";
    const payload = Buffer.alloc(task.size, " ");
    payload.write(String(performance.timeOrigin + performance.now()));
    await producers[partition]?.publish({ partitionKey }, payload);
    await delay(Math.max(0, started + ((index + 1) * 1000) / perSecond - performance.now()));
  }
}

const task = JSON.parse(process.argv[2] ?? "{}") as ProducerTask;
const closing = new AbortController();
const pool = createPool({
  hosts: parseServiceUrl(task.serviceUrl),
  tls: {},
  authentication: null,
  congested: () => false,
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
