import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { children } from "../../operator/desired/children.ts";
import { workerConfig } from "../../operator/desired/config-map.ts";
import type { LiveSink } from "../../operator/desired/names.ts";
import { CONFIG_MAPS, type KubeObject, ROLES, SERVICE_ACCOUNTS } from "../../operator/kube/objects.ts";
import { createMetrics } from "../../operator/metrics.ts";
import { applyChildren } from "../../operator/reconcile/apply-children.ts";
import { claimChildren } from "../../operator/reconcile/claim-children.ts";
import { type Context, freshMemory, noChange } from "../../operator/reconcile/context.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { ApiRequest, KubeClient } from "../../runtime/kube/client.ts";
import { ApiError, isConflict } from "../../runtime/kube/errors.ts";
import { createStatusApply } from "../../runtime/kube/status-apply.ts";
import { silentLog } from "../silent-log.ts";
import { skip, type TestCluster } from "./api/cluster.ts";
import { useCluster } from "./api/fixture.ts";
import { sinkManifest } from "./api/sinks.ts";
import { fleetOf, NO_PAUSE, OPERATOR, ROLLOUT, WORKER_DEFAULTS } from "./sink-fixture.ts";

/** A reconcile that has looked for the children and found none, as of just before somebody makes one. */
async function looked(cluster: TestCluster, name: string): Promise<Context & { fail: (nth: number) => void }> {
  const sink = (await cluster.create(KINESIS_SINKS, sinkManifest(name))) as LiveSink;
  // With the rights of an administrator: the operator's do not suffice for most kinds where
  // OwnerReferencesPermissionEnforcement is on, as here, and it is not everywhere.
  const real = cluster.client;
  let failing = -1;
  let writes = 0;
  const client: KubeClient = {
    open: (request) => real.open(request),
    close: () => {},
    request: async <T>(request: ApiRequest): Promise<T> => {
      if (request.method === "PATCH" && writes++ === failing) throw new ApiError("PATCH", 503, {});
      return await real.request<T>(request);
    },
  };
  return {
    client,
    clock: systemClock,
    logger: silentLog,
    metrics: createMetrics(),
    events: { record: async () => {} },
    cluster: { sink: () => sink, child: () => undefined, replicaSets: () => [], pods: () => [], configMaps: () => [] },
    statuses: createStatusApply(systemClock),
    worker: WORKER_DEFAULTS,
    operator: OPERATOR,
    pause: NO_PAUSE,
    unknownFields: [],
    sink,
    key: `${cluster.namespace}/${name}`,
    children: children(sink, WORKER_DEFAULTS),
    refused: undefined,
    templateHash: undefined,
    change: noChange(),
    fleet: fleetOf(),
    rollout: ROLLOUT,
    owned: new Map(),
    memory: freshMemory(sink.metadata.uid),
    signal: new AbortController().signal,
    fail: (nth) => {
      failing = nth;
    },
  };
}

const bare = (object: KubeObject | undefined) => {
  const { labels, ownerReferences, managedFields = [] } = object?.metadata ?? assert.fail("it is there");
  return { labels, ownerReferences, managers: managedFields.map(({ manager }) => manager) };
};
const THEIRS = { labels: { theirs: "yes" }, ownerReferences: undefined, managers: ["operator-tests"] };

describe("an object that appears between looking for a child and making it", { skip }, () => {
  const cluster = useCluster();

  test("is left as its owner made it, and is a NameConflict", async () => {
    const context = await looked(cluster, "race");
    await cluster.create(SERVICE_ACCOUNTS, { metadata: { name: "race-kinesis-sink", labels: { theirs: "yes" } } });
    const cause = await applyChildren(context);
    assert.equal(cause?.reason, "NameConflict");
    assert.match(cause?.message ?? "", /ServiceAccount race-kinesis-sink exists and belongs to nobody/);
    assert.deepEqual(bare(await cluster.get(SERVICE_ACCOUNTS, "race-kinesis-sink")), THEIRS);
    assert.equal(await cluster.get(ROLES, "race-kinesis-sink"), undefined);
    assert.equal((await claimChildren(context))?.reason, "NameConflict", "from now on");
  });

  test("keeps its own data", async () => {
    const context = await looked(cluster, "data");
    const name = workerConfig(context.sink).name;
    const theirs = { metadata: { name, labels: { theirs: "yes" } }, data: { theirs: "yes" } };
    await cluster.create(CONFIG_MAPS, theirs as KubeObject);
    await assert.rejects(applyChildren(context), isConflict);
    const found = await cluster.get<KubeObject & { data: object }>(CONFIG_MAPS, name);
    assert.deepEqual(bare(found), THEIRS);
    assert.deepEqual(found?.data, { theirs: "yes" });
    assert.match((await claimChildren(context))?.message ?? "", /^ConfigMap data-kinesis-sink-\w+ exists/);
  });

  test("is not taken for the sink's own until the merge is undone", async () => {
    const context = await looked(cluster, "again");
    await cluster.create(SERVICE_ACCOUNTS, { metadata: { name: "again-kinesis-sink", labels: { theirs: "yes" } } });
    context.fail(1);
    await assert.rejects(applyChildren(context), ApiError);
    assert.notDeepEqual(bare(await cluster.get(SERVICE_ACCOUNTS, "again-kinesis-sink")), THEIRS);
    assert.equal((await claimChildren(context))?.reason, "NameConflict");
    assert.deepEqual(bare(await cluster.get(SERVICE_ACCOUNTS, "again-kinesis-sink")), THEIRS);
  });

  test("is not confused with one that the operator makes", async () => {
    assert.equal(await applyChildren(await looked(cluster, "own")), undefined);
  });
});
