/**
 * What the pipelines alone cost: CPU microseconds per 200 B message, with a source and a sink that do nothing.
 * Usage: scripts/node test/bench/programs/pipeline.ts [messages]
 */

import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../../runtime/clock.ts";
import { createBudget } from "../../../worker/pipeline/budget.ts";
import { createPipeline } from "../../../worker/pipeline/create.ts";
import { toHashKey } from "../../../worker/sink/hash-key.ts";
import { createShardMap } from "../../../worker/sink/shard-map.ts";
import type { RecordOutcome, Shard, Sink } from "../../../worker/sink/sink.ts";
import { createStreamWatch } from "../../../worker/sink/stream-watch.ts";
import type {
  Assignment,
  Delivery,
  Entry,
  Message,
  ReceiveBudget,
  Source,
  SourceHandler,
} from "../../../worker/source/source.ts";
import { silentLog } from "../../silent-log.ts";
import { print } from "../harness/table.ts";

const MESSAGE_BYTES = 200;
const PARTITIONS = 16;
const KEYS_OF_PARTITION = 625;
const KEYS = PARTITIONS * KEYS_OF_PARTITION;
const LATENCY_MS = 20;

interface Figures {
  readonly cpuMicros: number;
  readonly perSecond: number;
  readonly perRequest: number;
  readonly perRecord: number;
  readonly rssMiB: number;
}

const SHARDS = 4;

const shards: readonly Shard[] = Array.from({ length: SHARDS }, (_, index) => {
  const width = (1n << 128n) / BigInt(SHARDS);
  const startingHashKey = BigInt(index) * width;
  const shardId = `shardId-00000000000${index}`;
  return {
    shardId,
    startingSequenceNumber: "",
    startingHashKey,
    endingHashKey: startingHashKey + width - 1n,
    parents: [],
    open: true,
  };
});

/** Answers every request after the latency; the answers are made anew, as the real sink makes them. */
function instantSink(aggregation: boolean): Sink {
  const map = createShardMap(shards);
  let sequence = 1_000_000_000;
  return {
    put: async (records) => {
      await delay(LATENCY_MS);
      const outcomes: RecordOutcome[] = [];
      for (let index = 0; index < records.length; index += 1) {
        sequence += 1;
        const hash = records[index]?.explicitHashKey;
        outcomes.push({
          accepted: true,
          shardId:
            (hash === undefined ? undefined : map.shardOf(toHashKey(BigInt(hash)))?.shardId) ?? "shardId-000000000000",
          sequenceNumber: `4950000000000000000${sequence}`,
        });
      }
      return { kind: "answered", records: outcomes };
    },
    describe: () => Promise.reject(new Error("not needed")),
    listShards: () => (aggregation ? Promise.resolve(shards) : Promise.reject(new Error("not needed"))),
    close: () => {},
  };
}

/** Hands on entries for as long as the budget has room, a socket's worth per turn. */
function feed(handler: SourceHandler, budget: ReceiveBudget, total: number, batch: number): void {
  const entry: Entry = { publishTime: 0, producerName: "p", schemaVersion: null, encryption: null, defect: null };
  const payload = new Uint8Array(MESSAGE_BYTES);
  const keys = Array.from({ length: KEYS }, (_, index) => `key-${String(index).padStart(12, "0")}`);
  const properties: ReadonlyMap<string, string> = new Map();
  const assignments: Assignment[] = Array.from({ length: PARTITIONS }, (_, index) => ({
    topic: `persistent://public/default/bench-partition-${index}`,
    epoch: index,
    active: true,
    get answeredAt() {
      return performance.now();
    },
  }));
  for (const assignment of assignments) handler.assigned(assignment);
  const shares = new Map(assignments.map((assignment) => [assignment, budget.shareOf(assignment)]));
  let sent = 0;
  const message = (): Message => {
    // As a producer routes them: each key has its topic-partition.
    const partition = Math.floor(sent / batch) % PARTITIONS;
    const key = keys[((sent * 7919) % KEYS_OF_PARTITION) * PARTITIONS + partition] as string;
    sent += 1;
    return {
      entry,
      id: "1:1:1",
      payload,
      payloadBytes: payload.length,
      key,
      keyIsBase64: false,
      orderingKey: null,
      properties,
      eventTime: null,
      isNull: false,
    };
  };
  let scheduled = false;
  const schedule = (): void => {
    if (scheduled || sent === total || budget.free <= 0) return;
    scheduled = true;
    setImmediate(turn);
  };
  const turn = (): void => {
    scheduled = false;
    for (let inTurn = 0; inTurn < 1_000 && sent < total && budget.free > 0; ) {
      const assignment = assignments[Math.floor(sent / batch) % PARTITIONS] as Assignment;
      const messages = Array.from({ length: Math.min(batch, total - sent) }, message);
      const delivery: Delivery = { assignment, messages, retainedBytes: messages.length * 300, redeliveryCount: 0 };
      shares.get(assignment)?.take(delivery.retainedBytes);
      handler.deliver(delivery);
      inTurn += messages.length;
    }
    schedule();
  };
  budget.onRelease(schedule);
  schedule();
}

async function measure(
  ordered: boolean,
  aggregation: boolean,
  batch: number,
  total: number,
  pipelineRuns: boolean,
): Promise<Figures> {
  const sink = instantSink(aggregation);
  const pipelineBudget = createBudget(32 * 1024 * 1024);
  const pipeline = createPipeline({
    ordered,
    format: { prepare: () => undefined, encode: () => null },
    partitionKey: (message, topic) => message.key ?? topic,
    sink,
    streamWatch: createStreamWatch({ sink, refuseAuto: ordered, clock: systemClock, log: silentLog }),
    aggregation,
    // More than real shards take: what is measured is the pipeline.
    rateLimit: 10_000,
    lingerMs: 0,
    recordTtlMs: 30_000,
    limits: { maxRecords: 500, maxBytes: 5_242_880, maxRecordBytes: 1_048_576 },
    retry: { initialDelayMs: 100, maxDelayMs: 60_000 },
    handoverWaitMs: 0,
    maxConcurrentRequests: 24,
    budget: pipelineBudget,
    deadLetterTopic: null,
    clock: systemClock,
    log: silentLog,
  });
  let acknowledged = 0;
  const finished = Promise.withResolvers<void>();
  const handler: SourceHandler = pipelineRuns
    ? pipeline
    : {
        // The feed alone, to be taken off.
        assigned: () => {},
        revoked: () => {},
        deliver: (delivery) => {
          acknowledged += delivery.messages.length;
          if (acknowledged === total) finished.resolve();
        },
      };
  const source = {
    start: () => {},
    acknowledge: () => {},
    acknowledgeThrough: () => {},
  } as unknown as Source;
  pipeline.start(source);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const budget: ReceiveBudget = pipelineRuns ? pipelineBudget : createBudget(Number.MAX_SAFE_INTEGER);
  feed(handler, budget, total, batch);
  if (pipelineRuns) {
    while (pipeline.state().delivered < total) await delay(10);
  } else await finished.promise;
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const { records, requests } = pipeline.state();
  pipeline.close();
  return {
    cpuMicros: (user + system) / total,
    perSecond: total / seconds,
    perRequest: records / Math.max(1, requests),
    perRecord: total / Math.max(1, records),
    rssMiB: process.memoryUsage.rss() / 1_048_576,
  };
}

const total = Number(process.argv[2] ?? 1_000_000);
print(
  `${total} messages of ${MESSAGE_BYTES} B, ${KEYS} keys, ${PARTITIONS} topic-partitions, ${LATENCY_MS} ms per request`,
);
print(
  "pipeline         batch   CPU µs/message   of it the feed   messages/s   records/request   messages/record   RSS MiB",
);
for (const batch of [1_000, 1]) {
  await measure(true, false, batch, total / 5, true);
  const feedOnly = await measure(true, false, batch, total, false);
  for (const [ordered, aggregation] of [
    [true, false],
    [false, false],
    [true, true],
    [false, true],
  ] as const) {
    const { cpuMicros, perSecond, perRequest, perRecord, rssMiB } = await measure(
      ordered,
      aggregation,
      batch,
      total,
      true,
    );
    const columns = [
      `${ordered ? "ordered" : "unordered"}${aggregation ? " aggr." : ""}`.padEnd(15),
      String(batch).padStart(6),
      cpuMicros.toFixed(2).padStart(16),
      feedOnly.cpuMicros.toFixed(2).padStart(16),
      perSecond.toFixed(0).padStart(12),
      perRequest.toFixed(0).padStart(17),
      perRecord.toFixed(1).padStart(18),
      rssMiB.toFixed(0).padStart(9),
    ];
    print(columns.join(""));
  }
}
