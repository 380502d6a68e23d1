/**
 * A source and a pipeline in a process of their own, whose heap is a worker's. Arguments: service URL, subscription type,
 * topics. Writes one line once enough of the large entries and of the topic `small` was delivered: its peak memory, bytes.
 */
import { readFileSync } from "node:fs";
import { systemClock } from "../../../../runtime/clock.ts";
import { receiveBudget } from "../../../../worker/memory.ts";
import { createBudget } from "../../../../worker/pipeline/budget.ts";
import { createPipeline } from "../../../../worker/pipeline/create.ts";
import type { Sink } from "../../../../worker/sink/sink.ts";
import { createStreamWatch } from "../../../../worker/sink/stream-watch.ts";
import { createWireSource } from "../../../../worker/source/wire/source.ts";
import { silentLog } from "../../../silent-log.ts";

const MESSAGES = 150_000;
const SMALL = 20;

const [serviceUrl = "", type = "", ...topics] = process.argv.slice(2);
const ordered = type === "Failover";
let sequence = 0;
let delivered = 0;
let small = 0;

const sink: Sink = {
  async put(records) {
    await systemClock.sleep(5);
    for (const { data } of records) {
      delivered += 1;
      if (Buffer.from(data).toString("latin1").startsWith("small")) small += 1;
    }
    const accepted = records.map(() => {
      sequence += 1;
      return { accepted: true, shardId: "shard-0", sequenceNumber: String(1_000_000 + sequence) } as const;
    });
    return { kind: "answered", records: accepted };
  },
  describe: async () => ({
    ...{ name: "stream", arn: "", status: "ACTIVE", openShards: 1, mode: "PROVISIONED", maxRecordBytes: 1_048_576 },
    recordDistribution: "PARTITION_KEY",
  }),
  listShards: () => Promise.reject(new Error("no shards")),
  close: () => undefined,
};

const budget = createBudget(receiveBudget(512 * 1024 * 1024));
const streamWatch = createStreamWatch({ sink, refuseAuto: ordered, clock: systemClock, log: silentLog });
const pipeline = createPipeline({
  ordered,
  format: { prepare: () => undefined, encode: () => null },
  partitionKey: (message) => `${message.id.at(-1)}${message.id.at(-2)}`,
  sink,
  streamWatch,
  limits: { maxRecords: 500, maxBytes: 5_242_880, maxRecordBytes: 1_048_576 },
  retry: { initialDelayMs: 100, maxDelayMs: 60_000 },
  handoverWaitMs: 100,
  aggregation: false,
  lingerMs: 0,
  rateLimit: 150,
  recordTtlMs: 30_000,
  maxConcurrentRequests: 8,
  budget,
  deadLetterTopic: null,
  clock: systemClock,
  log: silentLog,
});
const subscription = { name: "s", type: ordered ? "Failover" : "Shared", initialPosition: "Earliest" } as const;
pipeline.start(createWireSource({ serviceUrl, topics, subscription, budget, log: silentLog }));

setInterval(() => {
  if (delivered < MESSAGES || small < SMALL) return;
  const [, peak = "0"] = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
  process.stdout.write(`${Number(peak) * 1024}\n`, () => process.exit(0));
}, 50);
