import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { DEPLOYMENTS, type KubeObject, ROLES, SERVICE_ACCOUNTS } from "../../operator/kube/objects.ts";
import { eventually, skip } from "./api/cluster.ts";
import { useOperator } from "./api/fixture.ts";
import { condition, sinkManifest, untilCondition } from "./api/sinks.ts";

interface Role extends KubeObject {
  readonly rules?: readonly object[];
}

describe("an object that has a child's name and is not the sink's", { skip }, () => {
  const cluster = useOperator();

  test("is named in Stalled and left as it is, and the sink recovers when it goes", async () => {
    await cluster.create(ROLES, { metadata: { name: "taken-kinesis-sink" }, rules: [] } as KubeObject);
    await cluster.create(KINESIS_SINKS, sinkManifest("taken"));
    const stalled = await untilCondition(cluster, "taken", "Stalled", { status: "True", reason: "NameConflict" });
    assert.match(stalled?.message ?? "", /Role taken-kinesis-sink exists and belongs to nobody/);
    const ready = await condition(cluster, "taken", "Ready");
    assert.partialDeepStrictEqual(ready, { status: "False", reason: "NameConflict" });
    assert.equal(await cluster.get(DEPLOYMENTS, "taken-kinesis-sink"), undefined);

    const found = await cluster.get<Role>(ROLES, "taken-kinesis-sink");
    assert.deepEqual(found?.rules ?? [], []);
    assert.deepEqual([found?.metadata.labels, found?.metadata.ownerReferences], [undefined, undefined]);

    await cluster.remove(ROLES, "taken-kinesis-sink");
    await eventually("the Deployment", async () => assert.ok(await cluster.get(DEPLOYMENTS, "taken-kinesis-sink")));
    await untilCondition(cluster, "taken", "Ready", { status: "False", reason: "Unschedulable" });
  });

  test("survives the deletion of the sink", async () => {
    await cluster.create(SERVICE_ACCOUNTS, { metadata: { name: "kept-kinesis-sink" } });
    await cluster.create(KINESIS_SINKS, sinkManifest("kept"));
    await untilCondition(cluster, "kept", "Stalled", { reason: "NameConflict" });
    await cluster.remove(KINESIS_SINKS, "kept");
    await eventually("the sink is gone", async () => assert.equal(await cluster.get(KINESIS_SINKS, "kept"), undefined));
    assert.ok(await cluster.get(SERVICE_ACCOUNTS, "kept-kinesis-sink"));
  });
});
