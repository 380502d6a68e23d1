import assert from "node:assert/strict";
import { test } from "node:test";
import { workerMetrics } from "../../../worker/report/metrics.ts";
import { pipeline, running } from "./running-facts.ts";

/** The value of each metric without labels, as a scrape shows it. */
async function scrape(registry: ReturnType<typeof workerMetrics>): Promise<ReadonlyMap<string, number>> {
  const lines = (await registry.metrics()).split("\n").filter((line) => line.startsWith("kinesis_sink_"));
  return new Map(lines.map((line) => line.split(" ")).map(([name = "", value]) => [name, Number(value)]));
}

test("metrics show the facts of the moment, however often they are read", async () => {
  let facts = {
    ...running,
    pipeline: {
      ...pipeline,
      outOfOrder: 2,
      overdue: 4,
      throttled: 5,
      deadLettered: 6,
      stuckPartitions: 3,
      givenBack: 9,
    },
  };
  const registry = workerMetrics(() => facts);
  await scrape(registry);
  facts = { ...facts, pipeline: { ...facts.pipeline, delivered: 101 } };
  const metrics = await scrape(registry);
  const expected = {
    messages_received_total: 120,
    messages_delivered_total: 101,
    delivered_bytes_total: 20_000,
    messages_redelivered_total: 7,
    messages_dead_lettered_total: 6,
    chunked_messages_given_up_total: 8,
    requests_total: 10,
    records_total: 100,
    records_retried_total: 3,
    records_throttled_total: 5,
    records_out_of_order_total: 2,
    ready: 1,
    source_connected: 1,
    stream_writable: 1,
    partitions: 4,
    active_partitions: 2,
    pending_messages: 20,
    overdue_messages: 4,
    pending_bytes: 4_000,
    budget_bytes: 1_000_000,
    requests_in_flight: 2,
    poison_messages: 0,
    stuck_partitions: 3,
    partitions_given_back_total: 9,
    lag_seconds: 10,
    backlog_entries: 5,
    backlog_age_seconds: Number.NaN,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(metrics.get(`kinesis_sink_${name}`), value, name);
  assert.equal(metrics.size, Object.keys(expected).length);
});

test("what is not known is told from nothing", async () => {
  const metrics = await scrape(workerMetrics(() => ({ ...running, pipeline: null, source: null, backlog: null })));
  assert.equal(metrics.get("kinesis_sink_backlog_entries"), Number.NaN);
  assert.equal(metrics.get("kinesis_sink_ready"), 0);
  assert.equal(metrics.get("kinesis_sink_pending_messages"), 0);
});
