import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChildView } from "../../../operator/cluster/cluster.ts";
import { type Deployment, deploymentView } from "../../../operator/cluster/views.ts";
import { children } from "../../../operator/desired/children.ts";
import { workerConfig } from "../../../operator/desired/config-map.ts";
import { type DeploymentObject, deployment } from "../../../operator/desired/deployment.ts";
import type { LiveSink } from "../../../operator/desired/names.ts";
import { CONFIG_MAPS, DEPLOYMENTS } from "../../../operator/kube/objects.ts";
import { freshMemory, noChange } from "../../../operator/reconcile/context.ts";
import { type PlanContext, plan } from "../../../operator/reconcile/plan.ts";
import type { RolloutPolicy } from "../../../operator/rollout/policy.ts";
import { fleetOf, liveSink, ROLLOUT, WORKER_DEFAULTS } from "../sink-fixture.ts";

const OLD_WORKER = { ...WORKER_DEFAULTS, image: "example.com/kinesis-sink:0.9.0" };
const MARK = "pulsar-kinesis.io/made-from";
const TURN = "pulsar-kinesis.io/turn";

/** The Deployment that an operator of the earlier version made of a sink, as the watch brings it. */
function seenOf(sink: LiveSink, change: (object: DeploymentObject) => void = () => {}): ChildView {
  const object = structuredClone(deployment(sink, OLD_WORKER));
  object.metadata = { ...object.metadata, uid: "deployment", generation: 4, resourceVersion: "9" };
  change(object);
  const status = {
    observedGeneration: 4,
    replicas: 1,
    updatedReplicas: 1,
    conditions: [{ type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message: "" }],
  };
  return deploymentView({ ...object, status } as Deployment);
}

function planned(sink: LiveSink, seen: ChildView | undefined, policy: Partial<RolloutPolicy> = {}) {
  const rollout = { ...ROLLOUT, ...policy };
  const fleet = fleetOf(rollout);
  const ready = { type: "Ready", status: "True", reason: "WorkersReady", message: "", lastTransitionTime: "" } as const;
  const observedGeneration = sink.metadata.generation;
  const context: PlanContext = {
    sink: { ...sink, status: { observedGeneration, conditions: [ready] } },
    key: "shop/orders",
    cluster: {
      sink: () => sink,
      child: (type) => (type === DEPLOYMENTS ? seen : undefined),
      replicaSets: () => [],
      pods: () => [],
      configMaps: () => [],
    },
    memory: freshMemory(sink.metadata.uid),
    fleet,
    rollout,
    worker: WORKER_DEFAULTS,
    change: noChange(),
    children: [],
    refused: undefined,
    templateHash: undefined,
    unknownFields: [],
  };
  const run = () => {
    Object.assign(context.change, noChange());
    plan(context);
    const child = context.children.find(({ type }) => type === DEPLOYMENTS);
    return { ...child, object: child?.object as DeploymentObject, pending: context.change.pending?.reason };
  };
  return { context, fleet, run };
}

const waiting = { paused: true };

test("a sink that waits follows its spec in number and labels, and keeps its template", () => {
  const sink = liveSink({ replicas: 5 });
  const seen = seenOf(liveSink());
  const { run, context } = planned(sink, seen, waiting);
  const { object, keepsRest, pending } = run();
  assert.equal(pending, "RolloutPaused");
  assert.equal(keepsRest, true);
  assert.deepEqual(object.spec, { replicas: 5 });
  assert.deepEqual(Object.keys(object.metadata.annotations ?? {}), [MARK]);
  assert.equal(context.templateHash, seen.template?.hash, "its pods are those that are to be");
});

test("the configuration of a template that waits is not made before; one that it shares with the live one is kept", () => {
  const maps = (seen: ChildView) => {
    const { run, context } = planned(liveSink(), seen, waiting);
    run();
    return context.children.flatMap(({ type, object }) => (type === CONFIG_MAPS ? object?.metadata.name : []));
  };
  assert.deepEqual(maps(seenOf(liveSink())), [workerConfig(liveSink()).name]);
  const former = seenOf(liveSink(), ({ spec }) => {
    for (const { configMap } of spec.template.spec?.volumes ?? [])
      if (configMap) configMap.name = "orders-kinesis-sink";
  });
  assert.deepEqual(maps(former), []);
});

test("in its turn it gets the whole Deployment, which says so, as long as the template stays", () => {
  const first = planned(liveSink(), seenOf(liveSink()));
  const { object, keepsRest } = first.run();
  assert.equal(keepsRest, undefined);
  assert.equal(object.metadata.annotations?.[TURN], "regular");
  assert.equal(object.spec.template.spec?.containers[0]?.image, WORKER_DEFAULTS.image);
  const written = deploymentView({ ...object, metadata: { ...object.metadata, uid: "deployment" } } as Deployment);
  const later = planned(liveSink(), written);
  assert.equal(later.run().object.metadata.annotations?.[TURN], "regular");
  assert.equal(later.fleet.report().rolling.regular, 1);
});

test("what was written counts before the watch brings it", () => {
  const { run, context, fleet } = planned(liveSink(), seenOf(liveSink()));
  const { object } = run();
  const written = deploymentView({ ...object, metadata: { ...object.metadata, generation: 5 } } as Deployment);
  context.memory.template = written.template;
  context.memory.deploymentGeneration = 5;
  context.memory.deploymentReplicas = 1;
  assert.equal(run().pending, undefined);
  assert.equal(context.change.turn, undefined, "it has had its turn");
  assert.equal(fleet.report().rolling.regular, 1);
});

test("a change of the spec takes along what waits, and is nobody's turn", () => {
  const sink = liveSink({ lingerMillis: 50 }, { generation: 4 });
  const { run, fleet } = planned(sink, seenOf(liveSink()), waiting);
  const { object, pending } = run();
  assert.equal(pending, undefined);
  assert.equal(object.metadata.annotations?.[TURN], undefined);
  assert.equal(object.spec.template.spec?.containers[0]?.image, WORKER_DEFAULTS.image);
  assert.equal(fleet.report().rolling.regular, 0);
});

test("a Deployment without marks waits, and is marked, so that a change of the spec is known for one", () => {
  const former = (object: DeploymentObject) => {
    delete object.metadata.annotations;
  };
  const { run } = planned(liveSink(), seenOf(liveSink(), former), waiting);
  const { object, pending } = run();
  assert.equal(pending, "RolloutPaused");
  assert.match(object.metadata.annotations?.[MARK] ?? "", /^3\/\w{16}$/);
});

test("who wants it now does not wait", () => {
  const wished = liveSink({}, { annotations: { "pulsar-kinesis.io/roll-now": "true" } });
  assert.equal(planned(wished, seenOf(liveSink()), waiting).run().pending, undefined);
  const not = liveSink({}, { annotations: { "pulsar-kinesis.io/roll-now": "false" } });
  assert.equal(planned(not, seenOf(liveSink()), waiting).run().pending, "RolloutPaused");
});

test("a sink with the canaries' labels is one", () => {
  const sink = liveSink({}, { labels: { tier: "canary" } });
  const { run, context } = planned(sink, seenOf(liveSink()), { canaries: { matchLabels: { tier: "canary" } } });
  run();
  assert.equal(context.change.turn, "canary");
});

test("what is refused has no place, and keeps nobody waiting", () => {
  const sink = liveSink();
  sink.metadata.name = "x".repeat(41);
  const { run, fleet, context } = planned(sink, seenOf(liveSink()));
  fleet.expect("shop/orders");
  run();
  assert.equal(context.refused?.reason, "InvalidSpec");
  assert.deepEqual(context.children, []);
  assert.equal(fleet.enter("shop/other", { state: "pending", turn: "regular" }).begins, true);
});

test("a sink that does not run, or has no Deployment, waits for nobody", () => {
  for (const [sink, seen] of [
    [liveSink({ paused: true }), seenOf(liveSink())],
    [liveSink(), seenOf(liveSink({ replicas: 0 }))],
    [liveSink(), undefined],
  ] as const) {
    const { run, context } = planned(sink, seen, waiting);
    assert.equal(run().pending, undefined);
    assert.deepEqual(context.children, children(context.sink, WORKER_DEFAULTS));
  }
});
