import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "../../../operator/metrics.ts";
import { freshMemory } from "../../../operator/reconcile/context.ts";
import { type StatusContext, writeStatus } from "../../../operator/reconcile/write-status.ts";
import { computeStatus, type OperatorStatus } from "../../../operator/status/status.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { manualClock } from "../../manual-clock.ts";
import { liveSink } from "../sink-fixture.ts";

function writer(replicas = 1, refuse?: ApiError) {
  const writes: ApiRequest[] = [];
  const client: KubeClient = {
    request: async <T>(request: ApiRequest) => {
      writes.push(request);
      if (refuse) throw refuse;
      return {} as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const clock = manualClock();
  const context: StatusContext = {
    client,
    clock,
    metrics: createMetrics(),
    sink: liveSink({ replicas }),
    memory: freshMemory("0000-sink"),
    signal: new AbortController().signal,
  };
  return { clock, writes, write: (status: OperatorStatus) => writeStatus(context, status) };
}

function statusOf(ratePerSecond: number, paused = false): OperatorStatus {
  const observed = {
    sink: liveSink({ paused }),
    refused: undefined,
    deployment: undefined,
    pods: [],
    workers: [],
    stale: [],
    ignoredProperties: [],
  };
  return { ...computeStatus(observed, [], "2026-01-01T00:00:00Z"), totals: { ratePerSecond } };
}

test("an unchanged status is not written again", async () => {
  const { write, writes } = writer();
  assert.equal(await write(statusOf(1)), undefined);
  assert.equal(await write(statusOf(1)), undefined);
  assert.equal(writes.length, 1);
});

test("totals alone wait for the beat, a condition does not", async () => {
  const { clock, write, writes } = writer();
  await write(statusOf(1));
  await clock.advance(4_000);
  assert.equal(await write(statusOf(2)), 6_000);
  assert.equal(writes.length, 1);
  assert.equal(await write(statusOf(2, true)), undefined);
  assert.equal(writes.length, 2);
  await clock.advance(10_000);
  assert.equal(await write(statusOf(3, true)), undefined);
  assert.equal(writes.length, 3);
});

test("words alone wait too, so that words that always change do not write without end", async () => {
  const { clock, write, writes } = writer();
  const worded = (message: string): OperatorStatus => {
    const status = statusOf(1);
    return { ...status, conditions: status.conditions.map((condition) => ({ ...condition, message })) };
  };
  await write(worded("port 40001"));
  await clock.advance(1_000);
  assert.equal(await write(worded("port 40002")), 4_000);
  assert.equal(writes.length, 1);
  await clock.advance(4_000);
  assert.equal(await write(worded("port 40003")), undefined);
  assert.equal(writes.length, 2);
});

test("what the operator writes holds no entry of a worker, so that it takes none away", async () => {
  const { write, writes } = writer();
  await write(statusOf(1));
  const { status } = (writes[0] as ApiRequest).body as { status: object };
  assert.ok(!("workers" in status));
  assert.equal(writes[0]?.query?.["force"], true);
});

test("a sink that is gone by now is nobody's failure", async () => {
  const { write } = writer(1, new ApiError("PATCH", 404, { reason: "NotFound" }));
  await write(statusOf(1));
});
