import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { FINALIZER } from "../../operator/cleanup/finalizer.ts";
import type { JobObject } from "../../operator/cleanup/job.ts";
import type { DeploymentObject } from "../../operator/desired/deployment.ts";
import { DEPLOYMENTS, EVENTS, JOBS, type KubeObject, PODS, SERVICE_ACCOUNTS } from "../../operator/kube/objects.ts";
import { collectionPath, objectPath } from "../../runtime/kube/resource-type.ts";
import { eventually, skip } from "./api/cluster.ts";
import { useCluster, useOperator } from "./api/fixture.ts";
import { runOperator } from "./api/operator.ts";
import { condition, setReady, sink, sinkManifest, untilCondition, untilPods } from "./api/sinks.ts";

const CLEANED = { cleanupSubscription: true };

describe("a sink with cleanupSubscription", { skip, timeout: 900_000 }, () => {
  const cluster = useOperator();

  async function readySink(name: string): Promise<void> {
    await cluster.create(KINESIS_SINKS, sinkManifest(name, CLEANED));
    for (const { metadata } of await untilPods(cluster, name, 1)) await setReady(cluster, metadata.name, true);
    await untilFinalizer(name, true);
  }

  const untilFinalizer = (name: string, there: boolean) =>
    eventually(`the finalizer of ${name}`, async () => {
      const { finalizers = [] } = (await sink(cluster, name)).metadata;
      assert.equal(finalizers.includes(FINALIZER), there);
    });

  const untilGone = (name: string) =>
    eventually(`${name} is gone`, async () => assert.equal(await cluster.get(KINESIS_SINKS, name), undefined));

  async function deleteSink(name: string, propagationPolicy: "Background" | "Foreground"): Promise<void> {
    const path = objectPath(KINESIS_SINKS, cluster.namespace, name);
    await cluster.client.request({ method: "DELETE", path, body: { propagationPolicy } });
  }

  const jobsOf = async (name: string): Promise<JobObject[]> =>
    (await cluster.list<JobObject>(JOBS)).filter(({ metadata }) => metadata.name.startsWith(`${name}-kinesis-sink-`));

  /** Pods of the sink's Jobs, as far as nobody has ended them. */
  const untilJobPod = (name: string) =>
    eventually(`a pod of a Job of ${name}`, async () => {
      const pods = await cluster.list<KubeObject & { status?: { phase?: string } }>(PODS);
      const pod = pods.find(
        ({ metadata, status }) =>
          metadata.labels?.["app.kubernetes.io/component"] === "cleanup" &&
          metadata.labels["pulsar-kinesis.io/sink"] === name &&
          status?.phase === "Pending" &&
          metadata.deletionTimestamp === undefined,
      );
      assert.ok(pod);
      return pod.metadata.name;
    });

  /** What a kubelet would write of a pod that has run. */
  async function endPod(pod: string, exitCode: number, message: string): Promise<void> {
    const terminated = { exitCode, reason: exitCode === 0 ? "Completed" : "Error", message };
    const container = { name: "cleanup", image: "", imageID: "", ready: false, restartCount: 0, state: { terminated } };
    const phase = exitCode === 0 ? "Succeeded" : "Failed";
    await cluster.patch(PODS, pod, { status: { phase, containerStatuses: [container] } }, "status");
  }

  test("has the finalizer while the field is true, and its workers do not notice", async () => {
    await readySink("toggled");
    const template = async () =>
      (await cluster.get<DeploymentObject>(DEPLOYMENTS, "toggled-kinesis-sink"))?.spec.template;
    const before = await template();
    await cluster.patch(KINESIS_SINKS, "toggled", { spec: { cleanupSubscription: false } });
    await untilFinalizer("toggled", false);
    assert.deepEqual(await template(), before);
    await cluster.remove(KINESIS_SINKS, "toggled");
    await untilGone("toggled");
    assert.deepEqual(await jobsOf("toggled"), []);
  });

  for (const propagation of ["Background", "Foreground"] as const) {
    const name = propagation.toLowerCase();
    test(`waits for the Job that deletes the subscription, by ${name} deletion`, async () => {
      await readySink(name);
      await deleteSink(name, propagation);
      await untilPods(cluster, name, 0);
      const pod = await untilJobPod(name);
      if (propagation === "Foreground") {
        await eventually("what the sink owned is gone", async () =>
          assert.equal(await cluster.get(SERVICE_ACCOUNTS, `${name}-kinesis-sink`), undefined),
        );
      }
      const [job] = await jobsOf(name);
      assert.equal(job?.metadata.ownerReferences, undefined);
      assert.equal((await condition(cluster, name, "Ready"))?.reason, "CleaningUp");
      await endPod(pod, 0, "");
      await untilGone(name);
      assert.equal((await jobsOf(name)).length, 1, "its log is there for some minutes more");
    });
  }

  test("tells why its subscription cannot be deleted, tries again, and goes without when it is told to", async () => {
    await readySink("failing");
    await deleteSink("failing", "Background");
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await endPod(await untilJobPod("failing"), 1, "KinesisSink: the broker refuses; check spec.pulsar.auth\n");
    }
    const stalled = await untilCondition(cluster, "failing", "Stalled", { status: "True", reason: "CleanupFailed" });
    assert.match(stalled?.message ?? "", /the broker refuses; check spec\.pulsar\.auth/);
    const [failed] = await jobsOf("failing");
    await eventually("another Job", async () => {
      const [again] = await jobsOf("failing");
      assert.ok(again && again.metadata.uid !== failed?.metadata.uid);
    });
    const events = await cluster.list<KubeObject & { reason: string; regarding: { name: string } }>(EVENTS);
    const told = events.filter(({ reason, regarding }) => reason === "CleanupFailed" && regarding.name === "failing");
    assert.equal(told.length, 1);
    await cluster.patch(KINESIS_SINKS, "failing", { spec: { cleanupSubscription: false } });
    await untilGone("failing");
  });
});

describe("a namespace with a sink with cleanupSubscription", { skip, timeout: 300_000 }, () => {
  const cluster = useCluster();

  test("can be deleted: nothing can be made in it any more, so the sink goes at once", async () => {
    const namespace = `${cluster.namespace}-going`;
    const post = (path: string, body: unknown) => cluster.client.request({ method: "POST", path, body });
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: cluster.namespace };
    const subject = { kind: "ServiceAccount", name: "kinesis-sink-operator-under-test", namespace: cluster.namespace };
    const bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    await post("/api/v1/namespaces", { metadata: { name: namespace } });
    await post(bindings, { metadata: { name: namespace }, roleRef, subjects: [subject] });
    const operator = runOperator(cluster, { WATCH_NAMESPACES: namespace });
    try {
      const path = objectPath(KINESIS_SINKS, namespace, "orders");
      const object = {
        apiVersion: KINESIS_SINKS.apiVersion,
        kind: KINESIS_SINKS.kind,
        ...sinkManifest("orders", CLEANED),
      };
      await post(collectionPath(KINESIS_SINKS, namespace), object);
      await eventually("the finalizer", async () => {
        const { metadata } = await cluster.client.request<KubeObject>({ path });
        assert.ok(metadata.finalizers?.includes(FINALIZER));
      });
      await cluster.client.request({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` });
      await eventually("the namespace is gone", () =>
        assert.rejects(cluster.client.request({ path: `/api/v1/namespaces/${namespace}` }), /404/),
      );
    } finally {
      await operator.stop();
      await cluster.client.request({ method: "DELETE", path: `${bindings}/${namespace}` });
    }
  });
});
