import assert from "node:assert/strict";
import { test } from "node:test";
import { FINALIZER } from "../../../operator/cleanup/finalizer.ts";
import { type JobObject, jobName } from "../../../operator/cleanup/job.ts";
import type { ChildView, Cluster, PodView } from "../../../operator/cluster/cluster.ts";
import type { LiveSink } from "../../../operator/desired/names.ts";
import { DEPLOYMENTS } from "../../../operator/kube/objects.ts";
import { createMetrics } from "../../../operator/metrics.ts";
import { createReconcile } from "../../../operator/reconcile/reconcile.ts";
import type { OperatorStatus } from "../../../operator/status/status.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createStatusApply } from "../../../runtime/kube/status-apply.ts";
import { adjustableClock, createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { fleetOf, liveSink, NO_PAUSE, OPERATOR, ROLLOUT, WORKER_DEFAULTS } from "../sink-fixture.ts";

const KEY = "shop/orders";
const OTHER = "example.com/other";
const DELETED = { deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: [OTHER, FINALIZER] };
const TERMINATING = "namespace shop is forbidden: because it is being terminated";

interface Scene {
  sink: LiveSink;
  /** Workers that are there. */
  workers: number;
  /** `spec.replicas` of the Deployment; undefined where there is none any more. */
  replicas: number | undefined;
  job?: JobObject | undefined;
  /** Of the Job's pod. */
  lastWords?: string;
  refuse?: (request: ApiRequest) => ApiError | undefined;
}

function clusterOf(scene: Scene): Cluster {
  const stored = { key: "", resourceVersion: "1", group: KEY };
  const child = (uid: string, controllerUid: string): ChildView => ({ ...stored, uid, controllerUid, fingerprint: "" });
  const { uid } = scene.sink.metadata;
  const deployment = (replicas: number): ChildView => {
    // To scale it was a change.
    const generation = replicas === 0 ? 2 : 1;
    return {
      ...child("uid-Deployment", uid),
      deployment: { generation, observedGeneration: generation, replicas, conditions: [] },
    };
  };
  const pod = (index: number): PodView => ({
    ...{ ...stored, name: `w${index}`, controllerUid: "uid-set", templateHash: "", account: "", configMap: undefined },
    ...{ terminating: true, ended: false, ready: false, started: true, cause: undefined, repeatedExit: undefined },
  });
  return {
    sink: () => scene.sink,
    child: ({ kind }) =>
      kind === DEPLOYMENTS.kind && scene.replicas !== undefined ? deployment(scene.replicas) : undefined,
    replicaSets: () => [child("uid-set", "uid-Deployment")],
    pods: () => Array.from({ length: scene.workers }, (_, index) => pod(index)),
    configMaps: () => [],
  };
}

/** An operator with an API server that keeps one Job, and what it asked for beside reading and its status. */
function operator(scene: Scene) {
  const asked: string[] = [];
  const events: string[] = [];
  const statuses: OperatorStatus[] = [];
  const clock = adjustableClock(createVirtualClock());
  const metrics = createMetrics();
  let jobs = 0;
  const answer = (request: ApiRequest): unknown => {
    const { body, method = "GET", path, query } = request;
    const refused = scene.refuse?.(request);
    if (refused) throw refused;
    if (path.endsWith("/status")) {
      const { status } = body as { status: OperatorStatus };
      statuses.push(status);
      scene.sink = { ...scene.sink, status };
      return body;
    }
    if (method === "GET" && path.endsWith("/pods")) {
      const terminated = { exitCode: 1, message: scene.lastWords ?? "" };
      return { items: [{ metadata: { name: "p" }, status: { containerStatuses: [{ state: { terminated } }] } }] };
    }
    if (method === "GET" && path.includes("/jobs/")) {
      if (scene.job === undefined) throw new ApiError("GET", 404, { reason: "NotFound" });
      return scene.job;
    }
    if (method === "GET") return scene.sink;
    asked.push(`${method} ${path.split("/").slice(-2).join("/")}${query?.["dryRun"] ? " dry" : ""}`);
    if (method === "DELETE") scene.job = undefined;
    if (method === "POST" && !query?.["dryRun"]) {
      const made = body as JobObject;
      jobs += 1;
      scene.job = { ...made, metadata: { ...made.metadata, uid: `job-${jobs}` } };
    }
    if (path.includes("/kinesissinks/") && Array.isArray(body)) asked.push(JSON.stringify(body));
    return { metadata: { generation: 2 }, ...(body as object) };
  };
  const client: KubeClient = {
    request: async <T>(request: ApiRequest) => answer(request) as T,
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const reconcile = createReconcile(
    {
      ...{ client, clock, metrics, logger: silentLog, cluster: clusterOf(scene), worker: WORKER_DEFAULTS },
      ...{ operator: OPERATOR, pause: NO_PAUSE, fleet: fleetOf(), rollout: ROLLOUT },
      statuses: createStatusApply(clock),
      events: { record: async (_subject, { type, reason }) => void events.push(`${type} ${reason}`) },
    },
    new Map(),
  );
  return {
    clock,
    events,
    statuses,
    /** What was asked for since the last time. */
    run: async () => {
      const { againAfterMs } = await reconcile(KEY, new AbortController().signal);
      return { asked: asked.splice(0), againAfterMs };
    },
    cleanups: async () => (await metrics.cleanups.get()).values.map(({ labels, value }) => [labels.outcome, value]),
    message: () => statuses.at(-1)?.conditions.find(({ type }) => type === "Ready")?.message ?? "",
    told: (type: string) => {
      const found = statuses.at(-1)?.conditions.find((condition) => condition.type === type);
      return found && `${found.status}/${found.reason}`;
    },
  };
}

const deletedSink = (spec: object = {}) => liveSink({ cleanupSubscription: true, ...spec }, DELETED);
const job = jobName(deletedSink());
const RELEASED = [
  "PATCH kinesissinks/orders",
  JSON.stringify([
    { op: "test", path: "/metadata/uid", value: "0000-sink" },
    { op: "test", path: "/metadata/finalizers/1", value: FINALIZER },
    { op: "remove", path: "/metadata/finalizers/1" },
  ]),
];

function finish(scene: Scene, type: "Complete" | "Failed"): void {
  assert.ok(scene.job);
  scene.job = { ...scene.job, status: { conditions: [{ type, status: "True", message: "backoff limit" }] } };
}

test("workers stop first, then a Job deletes the subscription, then the sink goes", async () => {
  const scene: Scene = { sink: deletedSink({ replicas: 2 }), workers: 2, replicas: 2 };
  const { cleanups, clock, message, run, told } = operator(scene);
  const stopping = await run();
  assert.deepEqual(stopping.asked, ["PATCH deployments/orders-kinesis-sink", "POST shop/jobs dry"]);
  assert.equal(told("Ready"), "False/CleaningUp");
  assert.equal(told("Reconciling"), "True/CleaningUp");
  assert.equal(told("Paused"), undefined);
  assert.match(message(), /^2 workers are stopping/);

  scene.workers = 0;
  scene.replicas = 0;
  clock.advance(6_000); // words alone are not written more often
  assert.deepEqual((await run()).asked, ["POST shop/jobs"]);
  assert.match(message(), new RegExp(`^Job ${job} deletes the subscription`));
  const waiting = await run();
  assert.deepEqual(waiting.asked, []);
  assert.ok((waiting.againAfterMs ?? Number.POSITIVE_INFINITY) <= 2_000, "nothing is watched of it");

  finish(scene, "Complete");
  assert.deepEqual((await run()).asked, RELEASED);
  assert.deepEqual(await cleanups(), [["deleted", 1]]);
});

test("a Deployment whose controller has not acted on its stop may still make pods", async () => {
  const scene: Scene = { sink: deletedSink(), workers: 0, replicas: 1 };
  assert.deepEqual((await operator(scene).run()).asked.at(-1), "POST shop/jobs dry");
});

test("foreground deletion has taken the Deployment away already", async () => {
  const scene: Scene = { sink: deletedSink(), workers: 0, replicas: undefined };
  assert.deepEqual((await operator(scene).run()).asked, ["POST shop/jobs"]);
});

test("a failure is kept, told with its cause and the way out, and tried again ever more rarely", async () => {
  const scene: Scene = { sink: deletedSink(), workers: 0, replicas: 0, lastWords: "KinesisSink: the broker refuses" };
  const { cleanups, clock, events, message, run, told } = operator(scene);
  await run();
  const delays: (number | undefined)[] = [];
  for (let attempt = 0; attempt < 8; attempt += 1) {
    finish(scene, "Failed");
    const { againAfterMs, asked } = await run();
    assert.deepEqual(asked, []);
    delays.push(againAfterMs);
    clock.advance(againAfterMs ?? 0);
    assert.deepEqual((await run()).asked, [`DELETE jobs/${job}`]);
    assert.deepEqual((await run()).asked, ["POST shop/jobs"]);
    assert.equal(told("Ready"), "False/CleanupFailed", "it will fail for the same, as a rule");
  }
  assert.deepEqual(delays, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
  assert.equal(told("Stalled"), "True/CleanupFailed");
  assert.match(message(), /the broker refuses; it is tried again; set spec\.cleanupSubscription to false/);
  assert.deepEqual(
    events.filter((event) => event.endsWith("CleanupFailed")),
    ["Warning CleanupFailed"],
  );
  finish(scene, "Complete");
  assert.deepEqual((await run()).asked, RELEASED);
  assert.deepEqual(await cleanups(), [
    ["failed", 8],
    ["deleted", 1],
  ]);
});

test("the field set to false on the deleted sink is the way out, whatever stands in the way", async () => {
  const scene: Scene = { sink: deletedSink({ cleanupSubscription: false }), workers: 2, replicas: 2 };
  const { cleanups, run } = operator(scene);
  assert.deepEqual((await run()).asked, RELEASED);
  assert.deepEqual(await cleanups(), [["kept", 1]]);
});

test("a namespace that is being deleted takes no Job: the sink goes at once, while workers are still stopping", async () => {
  const forbidden = new ApiError("POST", 403, { reason: "Forbidden", message: TERMINATING });
  for (const workers of [2, 0]) {
    const scene: Scene = {
      ...{ sink: deletedSink(), workers, replicas: workers },
      refuse: ({ method, path }) => (method === "POST" && path.endsWith("/jobs") ? forbidden : undefined),
    };
    const { cleanups, run } = operator(scene);
    assert.deepEqual((await run()).asked.slice(-2), RELEASED);
    assert.deepEqual(await cleanups(), [["namespace_terminating", 1]]);
  }
});

test("a Job that the API server does not take is told, and not asked for every two seconds", async () => {
  const forbidden = new ApiError("POST", 403, { reason: "Forbidden", message: "exceeded quota: none" });
  const scene: Scene = {
    ...{ sink: deletedSink(), workers: 0, replicas: 0 },
    refuse: ({ method, path }) => (method === "POST" && path.endsWith("/jobs") ? forbidden : undefined),
  };
  const { message, run, told } = operator(scene);
  const { againAfterMs } = await run();
  assert.equal(told("Stalled"), "True/CleanupFailed");
  assert.match(message(), /exceeded quota: none/);
  assert.ok((againAfterMs ?? 0) >= 10_000);
});

test("a Job of that name which is another's is left alone", async () => {
  const scene: Scene = { sink: deletedSink(), workers: 0, replicas: 0 };
  const { run, told } = operator(scene);
  await run();
  assert.ok(scene.job);
  scene.job = { ...scene.job, metadata: { ...scene.job.metadata, annotations: {} } };
  finish(scene, "Complete");
  assert.deepEqual((await run()).asked, []);
  assert.equal(told("Stalled"), "True/NameConflict");
});

test("a spec that is refused cannot tell where the subscription is", async () => {
  const sink = deletedSink();
  const scene: Scene = {
    ...{ workers: 0, replicas: 0 },
    sink: { ...sink, spec: { ...sink.spec, pulsar: { ...sink.spec.pulsar, serviceUrl: "http://pulsar" } } },
  };
  const { message, run } = operator(scene);
  assert.deepEqual((await run()).asked, []);
  assert.match(message(), /spec\.pulsar\.serviceUrl.*set spec\.cleanupSubscription to false/);
});

test("a deleted sink that is not ours to hold is left to the API server", async () => {
  const sink = liveSink({ cleanupSubscription: true }, { ...DELETED, finalizers: [OTHER] });
  const { run, statuses } = operator({ sink, workers: 1, replicas: 1 });
  assert.deepEqual((await run()).asked, []);
  assert.deepEqual(statuses, []);
});

test("the finalizer is there while the field is true, beside those of others, and no longer", async () => {
  const bodies: unknown[] = [];
  const watching = (request: ApiRequest): undefined => {
    const own = request.path.endsWith("/kinesissinks/orders");
    if (own && request.method === "PATCH") bodies.push([request.contentType?.split("/")[1], request.body]);
  };
  const live = (cleanupSubscription: boolean, finalizers: string[]) =>
    operator({
      ...{ sink: liveSink({ cleanupSubscription }, { finalizers }), workers: 0, replicas: 1 },
      refuse: watching,
    }).run();
  await live(true, [OTHER]);
  await live(true, [OTHER, FINALIZER]);
  await live(false, [OTHER]);
  await live(false, [FINALIZER, OTHER]);
  assert.deepEqual(bodies, [
    [
      "apply-patch+yaml",
      {
        apiVersion: "pulsar-kinesis.io/v1alpha1",
        kind: "KinesisSink",
        metadata: { name: "orders", namespace: "shop", uid: "0000-sink", finalizers: [FINALIZER] },
      },
    ],
    [
      "json-patch+json",
      [
        { op: "test", path: "/metadata/uid", value: "0000-sink" },
        { op: "test", path: "/metadata/finalizers/0", value: FINALIZER },
        { op: "remove", path: "/metadata/finalizers/0" },
      ],
    ],
  ]);
});
