import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition } from "../../../crds/kinesissink.generated.ts";
import { createMetrics } from "../../../operator/metrics.ts";
import { freshMemory } from "../../../operator/reconcile/context.ts";
import { type StatusContext, writeStatus } from "../../../operator/reconcile/write-status.ts";
import { computeStatus, type OperatorStatus } from "../../../operator/status/status.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createStatusApply } from "../../../runtime/kube/status-apply.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { liveSink, OPERATOR } from "../sink-fixture.ts";

type Refuse = ApiError | ((request: ApiRequest) => ApiError | undefined);

function writer(replicas = 1, refuse?: Refuse, operator = OPERATOR) {
  const writes: ApiRequest[] = [];
  /** The sink as the watch shows it: as it was before anything was written, until `watch` brings another one. */
  let sink = liveSink({ replicas }, { resourceVersion: "1" });
  const foreign: Condition[] = [];
  const client: KubeClient = {
    request: async <T>(request: ApiRequest) => {
      writes.push(request);
      const error = typeof refuse === "function" ? refuse(request) : refuse;
      if (error) throw error;
      const { metadata, status } = request.body as { metadata: object; status: OperatorStatus };
      const conditions = [...status.conditions, ...foreign];
      return {
        metadata: { ...metadata, resourceVersion: `${writes.length * 10}` },
        status: { ...status, conditions },
      } as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const clock = createVirtualClock();
  const events: string[] = [];
  const context: Omit<StatusContext, "sink"> = {
    client,
    clock,
    metrics: createMetrics(),
    events: { record: async (_subject, { reason, note }) => void events.push(`${reason}: ${note}`) },
    logger: silentLog,
    statuses: createStatusApply(clock),
    operator,
    memory: freshMemory("0000-sink"),
    signal: new AbortController().signal,
  };
  return {
    clock,
    events,
    writes,
    foreign,
    watch: (resourceVersion: string, status: OperatorStatus) => {
      sink = { ...liveSink({ replicas }, { resourceVersion }), status: structuredClone(status) };
    },
    write: (status: OperatorStatus) => writeStatus({ ...context, sink }, status),
  };
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

test("what the watch shows from before the last write is not written again", async () => {
  const { watch, write, writes } = writer();
  watch("9", statusOf(1));
  await write(statusOf(1, true));
  await write(statusOf(1, true));
  watch("10", statusOf(1, true));
  await write(statusOf(1, true));
  assert.equal(writes.length, 1);
});

test("what a former leader or anybody else wrote since is put right", async () => {
  const { watch, write, writes } = writer();
  await write(statusOf(1));
  watch("11", statusOf(1, true));
  await write(statusOf(1));
  assert.equal(writes.length, 2);
  const { totals: _totals, ...without } = statusOf(1);
  watch("21", without as OperatorStatus);
  assert.ok(await write(statusOf(1)), "totals wait for the beat");
});

test("another's condition, which no apply of the operator's takes away, is no reason to write again and again", async () => {
  const { foreign, watch, write, writes } = writer();
  const [theirs] = statusOf(1).conditions;
  assert.ok(theirs);
  foreign.push({ ...theirs, type: "Stalled", message: "theirs" });
  await write(statusOf(1));
  watch("10", { ...statusOf(1), conditions: [...foreign, ...statusOf(1).conditions] });
  await write(statusOf(1));
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

test("a definition that is too old is told once, as an Event with the remedy, and the rest is written", async () => {
  const lacking = new ApiError("PATCH", 500, { message: ".status.ignoredProperties: field not declared in schema" });
  const { events, write, writes } = writer(1, ({ body }) =>
    JSON.stringify(body).includes("ignoredProperties") ? lacking : undefined,
  );
  await write(statusOf(1));
  await write(statusOf(1, true));
  assert.equal(writes.length, 3);
  assert.equal(events.length, 1);
  assert.match(events[0] ?? "", /^DefinitionTooOld: CRD too old: .*status\.ignoredProperties.*apply/);
});

test("a status is signed, and another pod or version of the same class is no reason to write it", async () => {
  const { write, writes, watch } = writer();
  await write(statusOf(1));
  const body = writes[0]?.body as { status: { operator: unknown } };
  assert.deepEqual(body.status.operator, OPERATOR);
  const signed = (operator: object) => ({ ...statusOf(1), operator }) as OperatorStatus;
  for (const [version, operator] of [
    ["11", { ...OPERATOR, pod: "operator-1" }],
    ["12", { ...OPERATOR, version: "0.9.0" }],
    ["13", {}],
  ] as const) {
    watch(version, signed(operator));
    await write(statusOf(1));
  }
  assert.equal(writes.length, 1);
  watch("14", signed({ ...OPERATOR, class: "blue" }));
  await write(statusOf(1));
  assert.equal(writes.length, 2);
});
