import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { DisruptionBudgetObject, NetworkPolicyObject } from "../../operator/desired/guards.ts";
import { controllerOf, DEPLOYMENTS, DISRUPTION_BUDGETS, NETWORK_POLICIES } from "../../operator/kube/objects.ts";
import { eventually, skip } from "./api/cluster.ts";
import { useCluster } from "./api/fixture.ts";
import { runOperator } from "./api/operator.ts";
import { sink, sinkManifest } from "./api/sinks.ts";

const NAME = "guarded-kinesis-sink";

describe("what guards workers from others on a real API server", { skip }, () => {
  const cluster = useCluster();

  test("is made when it is switched on, put back when somebody deletes it, and goes when it is switched off", async () => {
    const on = runOperator(cluster, {
      WORKER_DISRUPTION_BUDGET: '{"maxUnavailable":1}',
      WORKER_NETWORK_POLICY: '{"from":[{"namespaceSelector":{}}],"egress":[{"ports":[{"port":443}]}]}',
    });
    await cluster.create(KINESIS_SINKS, sinkManifest("guarded", { replicas: 2 }));
    const made = () =>
      eventually("both are there", async () => {
        const budget = await cluster.get<DisruptionBudgetObject>(DISRUPTION_BUDGETS, NAME);
        const policy = await cluster.get<NetworkPolicyObject>(NETWORK_POLICIES, NAME);
        assert.ok(budget && policy);
        return { budget, policy };
      });
    const { budget, policy } = await made();
    const { uid } = (await sink(cluster, "guarded")).metadata;
    assert.deepEqual([controllerOf(budget)?.uid, controllerOf(policy)?.uid], [uid, uid]);
    assert.deepEqual([budget.spec.maxUnavailable, budget.spec.unhealthyPodEvictionPolicy], [1, "AlwaysAllow"]);
    assert.deepEqual(policy.spec.policyTypes, ["Ingress", "Egress"]);
    const labels = { "app.kubernetes.io/name": "kinesis-sink-worker", "pulsar-kinesis.io/sink": "guarded" };
    assert.deepEqual(policy.spec.podSelector.matchLabels, labels);
    assert.deepEqual(budget.spec.selector.matchLabels, labels);
    await cluster.remove(NETWORK_POLICIES, NAME);
    await made();
    await on.stop();

    const off = runOperator(cluster);
    await eventually("both are gone", async () => {
      assert.equal(await cluster.get(DISRUPTION_BUDGETS, NAME), undefined);
      assert.equal(await cluster.get(NETWORK_POLICIES, NAME), undefined);
    });
    assert.ok(await cluster.get(DEPLOYMENTS, NAME));
    await off.stop();
  });
});
