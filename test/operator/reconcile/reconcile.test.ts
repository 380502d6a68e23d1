import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition, WorkerStatus } from "../../../crds/kinesissink.generated.ts";
import type { ChildView, Cluster, PodView, TemplateView } from "../../../operator/cluster/cluster.ts";
import { CHILD_TYPES, children } from "../../../operator/desired/children.ts";
import { templateHash } from "../../../operator/desired/deployment.ts";
import type { LiveSink } from "../../../operator/desired/names.ts";
import type { RoleBindingObject } from "../../../operator/desired/role-binding.ts";
import { DEPLOYMENTS, type KubeObject, ROLE_BINDINGS } from "../../../operator/kube/objects.ts";
import { createMetrics } from "../../../operator/metrics.ts";
import { createReconcile } from "../../../operator/reconcile/reconcile.ts";
import type { DeploymentCondition } from "../../../operator/status/observed.ts";
import type { OperatorStatus } from "../../../operator/status/status.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createStatusApply } from "../../../runtime/kube/status-apply.ts";
import { createLogger } from "../../../runtime/log.ts";
import { createVirtualClock } from "../../clock.ts";
import { fleetOf, liveSink, NO_PAUSE, OPERATOR, ROLLOUT, WORKER_DEFAULTS } from "../sink-fixture.ts";

const KEY = "shop/orders";

/** The cluster as the watches show it: the sink's children, and one pod that its Deployment controls. */
interface Scene {
  sink: LiveSink;
  gone?: true;
  /** Whether the pod is of the template that the sink asks for now. */
  current: boolean;
  ready: boolean;
  deploymentConditions: readonly DeploymentCondition[];
  /** Of the Deployment as the watch shows it; 1 by default, both. */
  replicas?: number;
  generation?: number;
  /** Of the pod. */
  account?: string;
  template?: TemplateView;
}

function clusterOf(scene: Scene): Cluster {
  const { uid } = scene.sink.metadata;
  const stored = { key: "", resourceVersion: "1", group: KEY };
  const desired = children(scene.sink, WORKER_DEFAULTS).find(({ type }) => type === DEPLOYMENTS)?.object;
  const template = templateHash(desired as Parameters<typeof templateHash>[0]);
  const child = (kind: string): ChildView => ({
    ...stored,
    uid: `uid-${kind}`,
    controllerUid: uid,
    fingerprint: "",
    ...(kind === DEPLOYMENTS.kind
      ? {
          deployment: {
            generation: scene.generation ?? 1,
            observedGeneration: scene.generation ?? 1,
            replicas: scene.replicas ?? 1,
            conditions: scene.deploymentConditions,
          },
          ...(scene.template ? { template: scene.template } : {}),
        }
      : {}),
  });
  const pod: PodView = {
    ...stored,
    name: "w1",
    controllerUid: "uid-set",
    templateHash: scene.current ? template : "another",
    account: scene.account ?? "",
    configMap: "orders-kinesis-sink",
    terminating: false,
    ended: false,
    ready: scene.ready,
    started: true,
    cause: undefined,
    repeatedExit: undefined,
  };
  return {
    sink: () => (scene.gone ? undefined : scene.sink),
    child: ({ kind }) => child(kind),
    replicaSets: () => [{ ...child("set"), uid: "uid-set", controllerUid: "uid-Deployment" }],
    pods: () => [pod],
    configMaps: () => [],
  };
}

function reconciler(scene: Scene, refuse: (request: ApiRequest) => ApiError | undefined = () => undefined) {
  const statuses: OperatorStatus[] = [];
  const deleted: string[] = [];
  const scaled: unknown[] = [];
  const events: string[] = [];
  const client: KubeClient = {
    request: async <T>(request: ApiRequest) => {
      const error = refuse(request);
      if (error) throw error;
      if (request.method === "DELETE") deleted.push(request.path);
      if (request.contentType === "application/json-patch+json" && request.path.includes("/deployments/")) {
        scaled.push(request.body);
      }
      const body = request.body as KubeObject & { status: OperatorStatus };
      if (request.path.endsWith("/status")) statuses.push(body.status);
      // Every change of a Deployment's spec counts up its generation.
      return { ...body, metadata: { ...body?.metadata, generation: 2 } } as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const memories = new Map();
  const metrics = createMetrics();
  const fleet = fleetOf();
  const reconcile = createReconcile(
    {
      client,
      clock: createVirtualClock(),
      logger: createLogger({ program: "test", level: "error" }),
      metrics,
      statuses: createStatusApply(createVirtualClock()),
      events: { record: async (_subject, { type, reason }) => void events.push(`${type} ${reason}`) },
      cluster: clusterOf(scene),
      // So that every kind of child is asked for.
      worker: { ...WORKER_DEFAULTS, disruptionBudget: { maxUnavailable: 1 }, networkPolicy: { from: [], egress: [] } },
      operator: OPERATOR,
      pause: NO_PAUSE,
      fleet,
      rollout: ROLLOUT,
    },
    memories,
  );
  return {
    fleet,
    statuses,
    deleted,
    scaled,
    events,
    /** Values of the metric that tells readiness, by sink. */
    readiness: async () =>
      (await metrics.sinkReady.get()).values.map(({ labels, value }) => [labels.sink_namespace, labels.sink, value]),
    run: () => reconcile(KEY, new AbortController().signal),
  };
}

function sinkWith(report: Partial<WorkerStatus> = {}): LiveSink {
  const entry: WorkerStatus = {
    pod: "w1",
    state: "Running",
    source: { connected: true },
    stream: { writable: true },
    ratePerSecond: 5,
    ...report,
  };
  return { ...liveSink(), status: { observedGeneration: 1, workers: [entry] } };
}

function told(status: OperatorStatus | undefined, type: Condition["type"]): string | undefined {
  const found = status?.conditions.find((condition) => condition.type === type);
  return found && `${found.status}/${found.reason}`;
}

const webhookDown = new ApiError("PATCH", 500, {
  reason: "InternalError",
  message: 'failed calling webhook "policy.example.com": connection refused',
});

for (const type of CHILD_TYPES) {
  test(`a ${type.kind} that cannot be written now leaves the status true, and is named in it`, async () => {
    const scene = { sink: sinkWith(), current: true, ready: true, deploymentConditions: [] };
    const { run, statuses } = reconciler(scene, ({ method, path }) =>
      method === "PATCH" && path.includes(`/${type.plural}/`) ? webhookDown : undefined,
    );
    await assert.rejects(run(), webhookDown, "the queue is to try again");
    const [status] = statuses;
    assert.equal(status?.observedGeneration, scene.sink.metadata.generation);
    assert.deepEqual([status?.readyReplicas, status?.totals.ratePerSecond], [1, 5]);
    assert.equal(told(status, "Ready"), "True/WorkersReady");
    assert.equal(told(status, "Reconciling"), "True/ApplyFailed");
    const message = status?.conditions.find(({ type }) => type === "Reconciling")?.message ?? "";
    assert.match(message, /policy\.example\.com.*tried again/);
  });
}

test("without a worker that delivers, what could not be written is why", async () => {
  const scene = { sink: sinkWith(), current: false, ready: false, deploymentConditions: [] };
  const { run, statuses, events } = reconciler(scene, ({ method, path }) =>
    method === "PATCH" && path.includes("/configmaps/") ? webhookDown : undefined,
  );
  await assert.rejects(run(), webhookDown);
  assert.equal(told(statuses[0], "Ready"), "False/ApplyFailed");
  assert.equal(told(statuses[0], "Stalled"), undefined);
  assert.deepEqual(events, ["Warning ApplyFailed"]);
});

test("a field of a newer definition leaves the sink running, and is told to have no effect", async () => {
  const known = sinkWith();
  const sink = { ...known, spec: { ...known.spec, shards: { merge: true } } };
  const { run, statuses } = reconciler({ sink, current: true, ready: true, deploymentConditions: [] });
  await run();
  assert.equal(told(statuses[0], "Ready"), "True/WorkersReady");
  assert.equal(told(statuses[0], "Stalled"), undefined);
  assert.deepEqual(statuses[0]?.ignoredProperties, ["spec.shards"]);
});

test("a variable that new sinks may not set leaves a sink running that has had it", async () => {
  const sink = sinkWith();
  sink.spec.pod = { ...sink.spec.pod, env: [{ name: "NODE_OPTIONS", value: "--dns-result-order=ipv4first" }] };
  const { run, statuses } = reconciler({ sink, current: true, ready: true, deploymentConditions: [] });
  await run();
  assert.equal(told(statuses[0], "Ready"), "True/WorkersReady");
  assert.equal(told(statuses[0], "Stalled"), undefined);
});

test("an object that appeared or was replaced meanwhile is looked at again, and not told", async () => {
  const scene = { sink: sinkWith(), current: true, ready: true, deploymentConditions: [] };
  const conflict = new ApiError("PATCH", 409, { reason: "Conflict" });
  const { run, statuses } = reconciler(scene, ({ method, path }) =>
    method === "PATCH" && path.includes("/roles/") ? conflict : undefined,
  );
  await assert.rejects(run(), conflict);
  assert.deepEqual(statuses, []);
});

test("a server that has too much to do gets no status on top, and no condition speaks of it", async () => {
  const scene = { sink: sinkWith(), current: true, ready: true, deploymentConditions: [] };
  const busy = new ApiError("PATCH", 429, { reason: "TooManyRequests" }, 7_000);
  const { run, statuses } = reconciler(scene, ({ method, path }) =>
    method === "PATCH" && path.includes("/roles/") ? busy : undefined,
  );
  await assert.rejects(run(), busy);
  assert.deepEqual(statuses, []);
});

test("a change that was just applied is on its way, although the watch still shows how the one before ended", async () => {
  const late = { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "timed out" };
  const scene = { sink: sinkWith(), current: false, ready: false, deploymentConditions: [late] };
  const { run, statuses } = reconciler(scene);
  await run();
  assert.equal(told(statuses[0], "Stalled"), undefined);
  assert.equal(told(statuses[0], "Reconciling"), "True/Applying");
});

const ROLLED_OUT = { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message: "" };
const OWN_ACCOUNT = "orders-kinesis-sink";

/** A sink that names an account, after its Deployment was applied, which made it generation 2. */
async function deletedWith(name: string, now: Partial<Scene> = {}): Promise<string[]> {
  const sink = { ...liveSink({ serviceAccount: { name }, replicas: 1 }), status: { observedGeneration: 1 } };
  const scene: Scene = { sink, current: true, ready: true, deploymentConditions: [ROLLED_OUT], account: name };
  const { run, deleted } = reconciler(Object.assign(scene, { generation: 2 }, now));
  await run();
  return deleted;
}

test("the account that was made for the sink goes when another is named, and stays when it is named itself", async () => {
  assert.deepEqual(await deletedWith("mine"), [`/api/v1/namespaces/shop/serviceaccounts/${OWN_ACCOUNT}`]);
  assert.deepEqual(await deletedWith(OWN_ACCOUNT), []);
});

test("the sink's own account stays while a pod holds its token, or may be made with it", async () => {
  assert.deepEqual(await deletedWith("mine", { account: OWN_ACCOUNT }), [], "a pod of the earlier spec");
  const waiting = { type: "Progressing", status: "True", reason: "ReplicaSetUpdated", message: "" };
  assert.deepEqual(await deletedWith("mine", { deploymentConditions: [waiting] }), [], "the rollout goes on");
  assert.deepEqual(await deletedWith("mine", { generation: 1 }), [], "the rollout has not begun");
});

test("workers of an earlier account may report until they are gone", () => {
  const subjects = (accounts: string[]) => {
    const sink = liveSink({ serviceAccount: { name: "mine" } });
    const binding = children(sink, WORKER_DEFAULTS, accounts).find(({ type }) => type === ROLE_BINDINGS)?.object;
    return (binding as RoleBindingObject).subjects.map(({ name }) => name);
  };
  assert.deepEqual(subjects(["mine"]), ["mine"]);
  assert.deepEqual(subjects([OWN_ACCOUNT, "mine", "former"]), ["mine", "former", OWN_ACCOUNT]);
});

test("a sink's readiness is a metric while it is to run, workers or none", async () => {
  const scene: Scene = { sink: sinkWith(), current: true, ready: true, deploymentConditions: [] };
  const { run, readiness } = reconciler(scene);
  await run();
  assert.deepEqual(await readiness(), [["shop", "orders", 1]]);
  scene.sink.metadata.name = "x".repeat(41);
  await run();
  assert.deepEqual(await readiness(), [["shop", "orders", 0]], "refused");
  scene.sink = liveSink({ paused: true });
  await run();
  assert.deepEqual(await readiness(), []);
  scene.sink = sinkWith();
  await run();
  scene.gone = true;
  await run();
  assert.deepEqual(await readiness(), []);
});

const scaleTo = (value: number) => [
  { op: "test", path: "/metadata/uid", value: "uid-Deployment" },
  { op: "replace", path: "/spec/replicas", value },
];

/** A spec that an older definition admitted, with what it says of replicas. */
function refusedSpec(spec: Record<string, unknown>): LiveSink {
  const sink = { ...liveSink(spec), status: { observedGeneration: 1 } };
  return { ...sink, metadata: { ...sink.metadata, name: "x".repeat(41) } };
}

for (const spec of [{ paused: true }, { replicas: 0 }, { paused: true, replicas: 5 }]) {
  test(`a wished stop comes before a spec that is refused, and touches nothing else: ${JSON.stringify(spec)}`, async () => {
    const scene = { sink: refusedSpec(spec), current: true, ready: true, deploymentConditions: [], replicas: 3 };
    const { run, scaled, statuses } = reconciler(scene);
    await run();
    assert.deepEqual(scaled, [scaleTo(0)]);
    assert.equal(told(statuses[0], "Stalled"), "True/InvalidSpec");
  });
}

test("a wished stop comes before children that cannot be written", async () => {
  const sink = { ...liveSink({ paused: true }), status: { observedGeneration: 1 } };
  const { run, scaled } = reconciler(
    { sink, current: true, ready: true, deploymentConditions: [] },
    ({ path, method }) => (method === "PATCH" && path.includes("/serviceaccounts/") ? webhookDown : undefined),
  );
  await assert.rejects(run(), webhookDown);
  assert.deepEqual(scaled, [scaleTo(0)]);
});

test("workers of a refused spec are scaled while they run, and none are started", async () => {
  const scaledFrom = async (replicas: number) => {
    const scene = {
      sink: refusedSpec({ replicas: 2 }),
      current: true,
      ready: true,
      deploymentConditions: [],
      replicas,
    };
    const { run, scaled } = reconciler(scene);
    await run();
    return scaled;
  };
  assert.deepEqual(await scaledFrom(5), [scaleTo(2)]);
  assert.deepEqual(await scaledFrom(1), [scaleTo(2)]);
  assert.deepEqual(await scaledFrom(2), []);
  assert.deepEqual(await scaledFrom(0), []);
});

test("who scales a Deployment that was scaled as wished is left to its repair, which is damped; a stop never waits", async () => {
  const scene: Scene = {
    sink: refusedSpec({ replicas: 2 }),
    current: true,
    ready: true,
    deploymentConditions: [],
    replicas: 1,
  };
  const { run, scaled } = reconciler(scene);
  await run();
  assert.deepEqual(scaled, [scaleTo(2)]);
  scene.replicas = 5;
  scene.generation = 3;
  await run();
  assert.deepEqual(scaled, [scaleTo(2)]);
  scene.sink = refusedSpec({ replicas: 2, paused: true });
  await run();
  assert.deepEqual(scaled, [scaleTo(2), scaleTo(0)]);
});

test("what was scaled already is not scaled again before the watch shows it", async () => {
  const scene = { sink: refusedSpec({ paused: true }), current: true, ready: true, deploymentConditions: [] };
  const { run, scaled } = reconciler(scene);
  await run();
  await run();
  assert.equal(scaled.length, 1);
});

test("a stop that the API server refuses is told", async () => {
  const scene = { sink: refusedSpec({ paused: true }), current: true, ready: true, deploymentConditions: [] };
  const forbidden = new ApiError("PATCH", 403, { reason: "Forbidden", message: "no patch for you" });
  const { run, statuses } = reconciler(scene, ({ path }) => (path.includes("/deployments/") ? forbidden : undefined));
  await run();
  assert.equal(told(statuses[0], "Stalled"), "True/ApplyForbidden");
});

test("a turn that cannot be used, since an object cannot be written, is given back", async () => {
  const template = {
    configMap: undefined,
    hash: "old",
    madeFrom: undefined,
    turn: undefined,
    progress: "done",
  } as const;
  const sink = { ...liveSink(), status: { observedGeneration: 3 } };
  const scene: Scene = { sink, current: true, ready: true, deploymentConditions: [], template };
  const refused = reconciler(scene, ({ method, path }) =>
    method === "PATCH" && path.includes("/roles/") ? webhookDown : undefined,
  );
  await assert.rejects(refused.run(), webhookDown);
  assert.equal(refused.fleet.report().blocked, 1);
  assert.deepEqual(
    refused.events.filter((event) => event.includes("Roll")),
    [],
  );
  const taken = reconciler(scene);
  await taken.run();
  assert.equal(taken.fleet.report().rolling.last, 1);
  assert.ok(taken.events.includes("Normal RollingOut"));
});

test("a sink that is gone or goes leaves the rollout", async () => {
  const scene: Scene = { sink: sinkWith(), current: true, ready: true, deploymentConditions: [] };
  const { fleet, run } = reconciler(scene);
  fleet.enter(KEY, { state: "rolling", turn: "regular" });
  scene.sink.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
  await run();
  assert.equal(fleet.report().rolling.regular, 0);
});
