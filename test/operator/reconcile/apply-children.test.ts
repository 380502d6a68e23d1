import assert from "node:assert/strict";
import { test } from "node:test";
import { children } from "../../../operator/desired/children.ts";
import { createMetrics } from "../../../operator/metrics.ts";
import { applyChildren } from "../../../operator/reconcile/apply-children.ts";
import { type Context, freshMemory, noChange } from "../../../operator/reconcile/context.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createStatusApply } from "../../../runtime/kube/status-apply.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { fleetOf, liveSink, NO_PAUSE, OPERATOR, ROLLOUT, WORKER_DEFAULTS } from "../sink-fixture.ts";

/** A cluster whose admission refuses to write ServiceAccounts; whether there is one of the child's name is the test's. */
function situation(exists: boolean): Context {
  const sink = liveSink();
  const client: KubeClient = {
    request: async <T>({ method = "GET" }: ApiRequest) => {
      if (method === "PATCH") throw new ApiError("PATCH", 403, { reason: "Forbidden", message: "denied request: no" });
      if (!exists) throw new ApiError("GET", 404, { reason: "NotFound" });
      return { metadata: { name: "orders-kinesis-sink", uid: "uid-theirs" } } as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const clock = createVirtualClock();
  return {
    client,
    clock,
    logger: silentLog,
    metrics: createMetrics(),
    events: { record: async () => {} },
    statuses: createStatusApply(clock),
    cluster: { sink: () => sink, child: () => undefined, replicaSets: () => [], pods: () => [], configMaps: () => [] },
    worker: WORKER_DEFAULTS,
    operator: OPERATOR,
    pause: NO_PAUSE,
    sink,
    key: "shop/orders",
    fleet: fleetOf(),
    rollout: ROLLOUT,
    change: noChange(),
    refused: undefined,
    templateHash: undefined,
    children: children(sink, WORKER_DEFAULTS),
    unknownFields: [],
    owned: new Map(),
    memory: freshMemory(sink.metadata.uid),
    signal: new AbortController().signal,
  };
}

test("a first apply that admission refuses, as somebody's object has appeared, is a NameConflict", async () => {
  const cause = await applyChildren(situation(true));
  assert.equal(cause?.reason, "NameConflict");
  assert.match(cause?.message ?? "", /^ServiceAccount orders-kinesis-sink exists and belongs to nobody/);
});

test("one that admission refuses for another cause says which", async () => {
  const cause = await applyChildren(situation(false));
  assert.equal(cause?.reason, "ApplyForbidden");
  assert.match(cause?.message ?? "", /denied request: no/);
});
