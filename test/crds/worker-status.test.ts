import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { boundWorkerStatus } from "../../crds/worker-status.ts";
import { statusErrors } from "./status-errors.ts";

const long = "the broker says no, and goes on about it. ".repeat(100);

const wordy: WorkerStatus = {
  pod: "orders-kinesis-sink-7d9f8b6c5d-abcde",
  state: "Stalled",
  reason: "PoisonMessage",
  message: long,
  configHash: "0f343b0931126a20f133d67c2b018a3b",
  client: "Wire",
  startedAt: "2026-11-24T00:00:00Z",
  reportedAt: "2026-11-24T00:10:00Z",
  source: { connected: false, reason: "BrokerUnreachable", message: long, partitions: 16, activePartitions: 4 },
  stream: { writable: false, reason: "StreamNotFound", message: `${"x".repeat(398)}😀😀`, shards: 64 },
  poison: {
    count: 1,
    topic: "persistent://public/default/orders-partition-3",
    messageId: "1:2:3",
    reason: "RecordTooLarge",
    message: long,
  },
  ratePerSecond: 100000,
  delivered: 123456789,
};

test("an entry cut to its bounds is taken by the schema, and stays near 2 KB", () => {
  assert.notDeepEqual(statusErrors({ workers: [wordy] }), []);
  const bounded = boundWorkerStatus(wordy);
  assert.deepEqual(statusErrors({ workers: [bounded] }), []);
  assert.ok(JSON.stringify(bounded).length < 2300, `${JSON.stringify(bounded).length}`);
  assert.ok(bounded.message?.startsWith("the broker says no") && bounded.message.endsWith("…"));
  assert.ok(bounded.stream?.message?.isWellFormed());
});

test("what fits is left as it is", () => {
  const short: WorkerStatus = { pod: "a", state: "Running", source: { connected: true }, delivered: 3 };
  assert.deepEqual(boundWorkerStatus(short), short);
});

test("numbers that no API server takes are brought into its range, and what is none is left out", () => {
  const absurd: WorkerStatus = {
    pod: "a",
    state: "Running",
    backlog: 2 ** 63,
    lagSeconds: -5,
    ratePerSecond: 1.5,
    inFlight: Number.POSITIVE_INFINITY,
    bytesPerSecond: Number.NaN,
    throttled: { shard: "shardId-000000000000", percent: 250 },
    stream: { writable: true, shards: 1e12 },
  };
  assert.notDeepEqual(statusErrors({ workers: [absurd] }), []);
  const bounded = boundWorkerStatus(absurd);
  assert.deepEqual(statusErrors({ workers: [bounded] }), []);
  assert.deepEqual(
    [bounded.backlog, bounded.lagSeconds, bounded.ratePerSecond, bounded.inFlight, bounded.throttled?.percent],
    [Number.MAX_SAFE_INTEGER, 0, 1, Number.MAX_SAFE_INTEGER, 100],
  );
  assert.ok(!("bytesPerSecond" in bounded));
});

test("a status with two entries of one pod is refused, and what this version does not know is found", () => {
  const entry = { pod: "a", state: "Running" };
  assert.deepEqual(
    statusErrors({ workers: [entry, entry] }).map(({ code }) => code),
    ["Duplicate"],
  );
  assert.deepEqual(
    statusErrors({ workers: [{ ...entry, mood: "good" }] }).map(({ code }) => code),
    ["UnknownField"],
  );
});
