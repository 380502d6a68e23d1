import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { lagSeconds } from "./entry.ts";
import type { WorkerFacts } from "./facts.ts";
import { workerHealth } from "./health.ts";

type Read = (facts: WorkerFacts) => number;

const COUNTERS: Readonly<Record<string, readonly [help: string, read: Read]>> = {
  messages_received_total: ["Messages received from Pulsar.", (f) => f.pipeline?.received ?? 0],
  messages_delivered_total: ["Messages accepted by Kinesis and acknowledged.", (f) => f.pipeline?.delivered ?? 0],
  delivered_bytes_total: ["Record data of the delivered messages.", (f) => f.pipeline?.deliveredBytes ?? 0],
  messages_redelivered_total: ["Messages that Pulsar sent again.", (f) => f.pipeline?.redelivered ?? 0],
  messages_dead_lettered_total: ["Messages published to the dead-letter topic.", (f) => f.pipeline?.deadLettered ?? 0],
  chunked_messages_given_up_total: [
    "Chunked messages whose rest did not come; their chunks are acknowledged.",
    (f) => f.source?.givenUpMessages ?? 0,
  ],
  partitions_given_back_total: [
    "Topic-partitions that were closed since nothing of them moved, so that the others have their memory.",
    (f) => f.pipeline?.givenBack ?? 0,
  ],
  requests_total: ["PutRecords requests.", (f) => f.pipeline?.requests ?? 0],
  records_total: ["Kinesis records sent; an aggregate counts once.", (f) => f.pipeline?.records ?? 0],
  records_retried_total: ["User records sent again.", (f) => f.pipeline?.retries ?? 0],
  records_throttled_total: ["Kinesis records answered as over a limit.", (f) => f.pipeline?.throttled ?? 0],
  records_out_of_order_total: [
    "Accepted records whose sequence number was not above the last one of their lane. Stays 0.",
    (f) => f.pipeline?.outOfOrder ?? 0,
  ],
};

const GAUGES: Readonly<Record<string, readonly [help: string, read: Read]>> = {
  ready: ["1 when data can flow now.", (f) => Number(workerHealth(f).ready)],
  source_connected: ["1 when every topic-partition is subscribed.", (f) => Number(workerHealth(f).source.connected)],
  stream_writable: ["1 when records can be put into the stream.", (f) => Number(workerHealth(f).stream.writable)],
  partitions: ["Topic-partitions subscribed.", (f) => f.source?.partitions ?? 0],
  active_partitions: ["Topic-partitions that deliver to this worker.", (f) => f.source?.activePartitions ?? 0],
  stuck_partitions: [
    "Topic-partitions of whose messages none was done for 10 s, or that gave them back for it and did not move since.",
    (f) => f.pipeline?.stuckPartitions ?? 0,
  ],
  pending_messages: ["Messages received and not yet acknowledged.", (f) => f.pipeline?.pending ?? 0],
  overdue_messages: [
    "Messages that Kinesis has not accepted within recordTtl; they are tried on.",
    (f) => f.pipeline?.overdue ?? 0,
  ],
  pending_bytes: ["Memory retained by pending messages.", (f) => f.pipeline?.pendingBytes ?? 0],
  budget_bytes: ["Memory that pending messages may retain.", (f) => f.pipeline?.budgetBytes ?? 0],
  requests_in_flight: ["PutRecords requests in flight.", (f) => f.pipeline?.inFlightRequests ?? 0],
  poison_messages: [
    "Messages that cannot be delivered and hold a partition or are parked.",
    (f) => f.pipeline?.poisonCount ?? 0,
  ],
  lag_seconds: ["Age of the oldest pending message.", (f) => lagSeconds(f.pipeline?.oldestPublishTime ?? null, f.now)],
  backlog_entries: ["Entries that wait in the subscription; NaN when unknown.", (f) => f.backlog ?? Number.NaN],
  backlog_age_seconds: [
    "Age of the oldest message that waits in the subscription; NaN when unknown, or when no targetLagSeconds asks for it.",
    (f) => f.backlogAge ?? Number.NaN,
  ],
};

/** A registry that reads the facts when it is scraped, and costs nothing between. Names start with `kinesis_sink_`. */
export function workerMetrics(facts: () => WorkerFacts): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const [name, [help, read]] of Object.entries(COUNTERS)) {
    new Counter({
      name: `kinesis_sink_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read(facts()));
      },
    });
  }
  for (const [name, [help, read]] of Object.entries(GAUGES)) {
    new Gauge({
      name: `kinesis_sink_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read(facts()));
      },
    });
  }
  return registry;
}
