import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cluster } from "../../../operator/cluster/cluster.ts";
import { DEPLOYMENTS } from "../../../operator/kube/objects.ts";
import { freshMemory, noChange } from "../../../operator/reconcile/context.ts";
import { type ObserveContext, observe } from "../../../operator/reconcile/observe.ts";
import { liveSink } from "../sink-fixture.ts";

/** A sink whose Deployment the watch has brought in this generation, which its controller has acted on. */
function viewOf(generation: number): ObserveContext {
  const sink = liveSink();
  const { uid, namespace, name } = sink.metadata;
  const seen = {
    key: `${namespace}/${name}-kinesis-sink`,
    resourceVersion: "1",
    uid: "deployment",
    group: `${namespace}/${name}`,
    controllerUid: uid,
    fingerprint: "",
    deployment: { generation, observedGeneration: generation, replicas: 1, conditions: [] },
  };
  const cluster: Cluster = {
    sink: () => sink,
    child: (type) => (type === DEPLOYMENTS ? seen : undefined),
    replicaSets: () => [],
    pods: () => [],
    configMaps: () => [],
  };
  const memory = freshMemory(uid);
  return {
    sink,
    key: `${namespace}/${name}`,
    cluster,
    memory,
    change: noChange(),
    templateHash: undefined,
    unknownFields: [],
  };
}

test("a Deployment as it was before it was applied last counts as not acted on yet", () => {
  const view = viewOf(1);
  view.memory.deploymentGeneration = 2;
  view.memory.deploymentReplicas = 5;
  assert.partialDeepStrictEqual(observe(view, {}).deployment, { generation: 2, observedGeneration: 1, replicas: 5 });
});

test("a Deployment that somebody changed since is as the watch brings it", () => {
  const view = viewOf(3);
  view.memory.deploymentGeneration = 2;
  assert.partialDeepStrictEqual(observe(view, {}).deployment, { generation: 3, observedGeneration: 3 });
});
