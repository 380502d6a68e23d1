import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { sourceHash } from "../../crds/subscription.ts";
import { workerConfig } from "../../operator/desired/config-map.ts";
import type { DeploymentObject } from "../../operator/desired/deployment.ts";
import { CORE_EVENTS, DEPLOYMENTS, type KubeObject, PODS, ROLES } from "../../operator/kube/objects.ts";
import { collectionPath, objectPath } from "../../runtime/kube/resource-type.ts";
import { eventually, skip } from "./api/cluster.ts";
import { useOperator } from "./api/fixture.ts";
import {
  condition,
  report,
  setReady,
  setWaiting,
  sink,
  sinkManifest,
  untilCondition,
  untilPods,
  workerPods,
} from "./api/sinks.ts";
import { kstatus } from "./status/kstatus.ts";

function running(pod: string, more: Partial<WorkerStatus> = {}): WorkerStatus {
  return { pod, state: "Running", source: { connected: true }, stream: { writable: true }, ...more };
}

describe("the status of a sink on a real API server", { skip }, () => {
  const cluster = useOperator();

  const readySink = async (name: string, spec: Record<string, unknown> = {}, replicas = 1): Promise<string[]> => {
    await cluster.create(KINESIS_SINKS, sinkManifest(name, { ...spec, replicas }));
    const pods = (await untilPods(cluster, name, replicas)).map(({ metadata }) => metadata.name);
    for (const pod of pods) {
      await setReady(cluster, pod, true);
      await report(cluster, name, running(pod, { ratePerSecond: 100, delivered: 1000, backlog: 7 }));
    }
    await untilCondition(cluster, name, "Ready", { status: "True", reason: "WorkersReady" });
    await untilCondition(cluster, name, "Reconciling", undefined);
    return pods;
  };

  const kstatusOf = async (name: string) => {
    const { metadata, status } = await sink(cluster, name);
    return kstatus(metadata.generation, status);
  };

  test("is Ready when its workers are, with what they report", async () => {
    await readySink("good", {}, 2);
    await untilCondition(cluster, "good", "SourceConnected", { status: "True" });
    await untilCondition(cluster, "good", "StreamWritable", { status: "True" });
    await untilCondition(cluster, "good", "Throttled", { status: "False" });
    await untilCondition(cluster, "good", "Stalled", undefined);
    const totals = { ratePerSecond: 200, delivered: 2000, backlog: 7 };
    await eventually("totals", async () =>
      assert.partialDeepStrictEqual((await sink(cluster, "good")).status.totals, totals),
    );
    const { replicas, readyReplicas, selector } = (await sink(cluster, "good")).status;
    assert.deepEqual([replicas, readyReplicas], [2, 2]);
    assert.equal(selector, "app.kubernetes.io/name=kinesis-sink-worker,pulsar-kinesis.io/sink=good");
  });

  test("is put right when somebody else has written it", async () => {
    await readySink("edited");
    const wrong = [
      { type: "Ready", status: "False", reason: "Edited", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
    ];
    await cluster.patch(KINESIS_SINKS, "edited", { status: { readyReplicas: 99, conditions: wrong } }, "status");
    await eventually("all is as it was", async () => {
      assert.equal((await sink(cluster, "edited")).status.readyReplicas, 1);
      assert.partialDeepStrictEqual(await condition(cluster, "edited", "Ready"), {
        status: "True",
        reason: "WorkersReady",
      });
    });
  });

  test("keeps that workers were subscribed to everything, and restarts none for that", async () => {
    const subscription = { initialPosition: "Latest" };
    const pulsar = { serviceUrl: "pulsar://pulsar:6650", topics: ["orders"], subscription };
    const [pod = ""] = await readySink("latest", { pulsar });
    const generation = async () => (await cluster.get(DEPLOYMENTS, "latest-kinesis-sink"))?.metadata.generation;
    const before = await generation();
    const live = await sink(cluster, "latest");
    assert.equal(live.status.subscribed, undefined);
    await report(cluster, "latest", running(pod, { configHash: workerConfig(live).hash }));
    await eventually("it is known", async () => {
      assert.equal((await sink(cluster, "latest")).status.subscribed, sourceHash(live));
    });
    assert.equal(await generation(), before);
    await cluster.patch(KINESIS_SINKS, "latest", { spec: { paused: true } });
    await untilCondition(cluster, "latest", "Paused", { status: "True" });
    assert.equal((await sink(cluster, "latest")).status.subscribed, sourceHash(live));
  });

  test("names what a worker complains about, and recovers with it", async () => {
    const [pod = ""] = await readySink("trouble");
    await setReady(cluster, pod, false);
    const message = "stream orders does not exist in us-west-2: create it";
    const stream = { writable: false, reason: "StreamNotFound", message };
    await report(cluster, "trouble", running(pod, { state: "Stalled", reason: "StreamNotFound", message, stream }));
    const stalled = await untilCondition(cluster, "trouble", "Stalled", { status: "True", reason: "StreamNotFound" });
    assert.match(stalled?.message ?? "", /create it/);
    await untilCondition(cluster, "trouble", "Ready", { status: "False", reason: "StreamNotFound" });
    await untilCondition(cluster, "trouble", "StreamWritable", { status: "False", reason: "StreamNotFound" });
    await untilCondition(cluster, "trouble", "SourceConnected", { status: "True" });
    await eventually("a warning event", async () => {
      const events = await cluster.list<KubeObject & { reason: string; type: string }>(CORE_EVENTS);
      assert.ok(events.some(({ type, reason }) => type === "Warning" && reason === "StreamNotFound"));
    });

    await report(cluster, "trouble", running(pod));
    await setReady(cluster, pod, true);
    await untilCondition(cluster, "trouble", "Ready", { status: "True" });
    await untilCondition(cluster, "trouble", "Stalled", undefined);
  });

  test("is Stalled and not Ready when the new pods cannot start, even while the old one delivers", async () => {
    const [old = ""] = await readySink("edit");
    await cluster.patch(KINESIS_SINKS, "edit", { spec: { pod: { image: "localhost/missing:1" } } });
    const pods = await untilPods(cluster, "edit", 2);
    const fresh = pods.map(({ metadata }) => metadata.name).find((name) => name !== old) ?? "";
    const ready = await eventually("both conditions quote the kubelet", async () => {
      // Again, for the scheduler looks at the pod too, which it has no node for, and may write after the kubelet did.
      await setWaiting(cluster, fresh, "ImagePullBackOff", 'Back-off pulling image "localhost/missing:1"');
      const reason = "ImagePullBackOff";
      assert.partialDeepStrictEqual(await condition(cluster, "edit", "Stalled"), { status: "True", reason });
      const found = await condition(cluster, "edit", "Ready");
      assert.partialDeepStrictEqual(found, { status: "False", reason });
      return found;
    });
    assert.match(ready?.message ?? "", /missing:1/);
    assert.ok(
      (await workerPods(cluster, "edit")).some(({ metadata }) => metadata.name === old),
      "the old pod stays",
    );

    await cluster.patch(KINESIS_SINKS, "edit", { spec: { pod: { image: null } } });
    await untilCondition(cluster, "edit", "Ready", { status: "True" });
    await untilCondition(cluster, "edit", "Stalled", undefined);
  });

  test("loses the entries of pods that vanished, and of pods that are not the sink's", async () => {
    const [pod = ""] = await readySink("prune");
    await report(cluster, "prune", running("prune-kinesis-sink-forged", { ratePerSecond: 9999 }));
    await eventually("the forged entry is gone", async () =>
      assert.deepEqual(
        (await sink(cluster, "prune")).status.workers?.map((worker) => worker.pod),
        [pod],
      ),
    );
    await cluster.remove(PODS, pod);
    await eventually("the entry of the deleted pod is gone", async () =>
      assert.deepEqual((await sink(cluster, "prune")).status.workers ?? [], []),
    );
    const { metadata, status } = await sink(cluster, "prune");
    assert.equal(status.totals?.ratePerSecond, 0);
    const managers = ((metadata as KubeObject["metadata"]).managedFields ?? []) as { manager: string }[];
    const left = managers.filter(({ manager }) => manager.startsWith("prune-kinesis-sink-"));
    assert.deepEqual(left, [], "a resource that grows with every pod that ever was");
  });

  test("loses the entry of a pod that was evicted, although the pod stays", async () => {
    const [pod = ""] = await readySink("evicted");
    await cluster.patch(
      PODS,
      pod,
      { status: { phase: "Failed", reason: "Evicted", message: "low on memory" } },
      "status",
    );
    await eventually("the entry is gone", async () =>
      assert.deepEqual((await sink(cluster, "evicted")).status.workers ?? [], []),
    );
    assert.ok(await cluster.get(PODS, pod));
  });

  test("tells of a worker that has stopped reporting, and counts it no longer", async () => {
    const [pod = ""] = await readySink("silent");
    await eventually("its numbers count", async () =>
      assert.equal((await sink(cluster, "silent")).status.totals?.ratePerSecond, 100),
    );
    await untilCondition(cluster, "silent", "SourceConnected", { status: "Unknown", reason: "ReportStale" });
    const ready = await condition(cluster, "silent", "Ready");
    assert.equal(ready?.status, "True", "its readiness probe says that it works");
    assert.match(ready?.message ?? "", new RegExp(`${pod} has not reported for \\d+ s`));
    assert.equal((await sink(cluster, "silent")).status.totals?.ratePerSecond, 0);
    await report(cluster, "silent", running(pod, { ratePerSecond: 42 }));
    await untilCondition(cluster, "silent", "SourceConnected", { status: "True" });
  });

  test("says Paused once no pod is left, keeps everything else, and carries on afterwards", async () => {
    const [pod = ""] = await readySink("pause");
    // A pod that takes its time to end.
    await cluster.patch(PODS, pod, { metadata: { finalizers: ["example.com/busy"] } });
    await cluster.patch(KINESIS_SINKS, "pause", { spec: { paused: true } });
    await untilCondition(cluster, "pause", "Reconciling", { status: "True", reason: "ScalingDown" });
    await untilCondition(cluster, "pause", "Ready", { status: "False", reason: "Paused" });
    assert.equal(await kstatusOf("pause"), "InProgress");
    await cluster.patch(PODS, pod, { metadata: { finalizers: null } });
    await untilCondition(cluster, "pause", "Paused", { status: "True", reason: "Paused" });
    for (const type of ["Ready", "Reconciling", "Stalled"] as const) {
      assert.equal(await condition(cluster, "pause", type), undefined, type);
    }
    assert.equal(await kstatusOf("pause"), "Current");
    assert.ok(await cluster.get(DEPLOYMENTS, "pause-kinesis-sink"));
    await cluster.patch(KINESIS_SINKS, "pause", { spec: { paused: false } });
    const [fresh] = await untilPods(cluster, "pause", 1);
    assert.equal(await condition(cluster, "pause", "Paused"), undefined);
    await setReady(cluster, fresh?.metadata.name ?? "", true);
    await untilCondition(cluster, "pause", "Ready", { status: "True" });
    assert.equal(await kstatusOf("pause"), "Current");
  });

  test("is Paused with no replicas too, by the scale subresource", async () => {
    await readySink("zero");
    const path = objectPath(KINESIS_SINKS, cluster.namespace, "zero", "scale");
    const contentType = "application/merge-patch+json";
    await cluster.client.request({ method: "PATCH", path, contentType, body: { spec: { replicas: 0 } } });
    await untilCondition(cluster, "zero", "Paused", { status: "True", reason: "ScaledToZero" });
    assert.equal(await kstatusOf("zero"), "Current");
  });

  test("stops on request although its spec is refused, and leaves the template that runs", async () => {
    await readySink("stop", {}, 2);
    const template = async () => (await cluster.get<DeploymentObject>(DEPLOYMENTS, "stop-kinesis-sink"))?.spec.template;
    const before = await template();
    // The definition cannot tell that it is no regular expression.
    const pulsar = { topics: null, topicsPattern: "persistent://public/default/(" };
    await cluster.patch(KINESIS_SINKS, "stop", { spec: { paused: true, pulsar, config: { requestTimeout: 7000 } } });
    await untilPods(cluster, "stop", 0);
    await untilCondition(cluster, "stop", "Paused", { status: "True", reason: "Paused" });
    await untilCondition(cluster, "stop", "Stalled", { status: "True", reason: "InvalidSpec" });
    assert.equal(await kstatusOf("stop"), "Failed");
    assert.deepEqual(await template(), before);

    await cluster.patch(KINESIS_SINKS, "stop", { spec: { paused: false } });
    await eventually("the refused spec is seen", async () => {
      const { metadata, status } = await sink(cluster, "stop");
      assert.equal(status.observedGeneration, metadata.generation);
    });
    assert.deepEqual(await workerPods(cluster, "stop"), [], "nothing runs from a spec that is not wanted any more");
    await cluster.patch(KINESIS_SINKS, "stop", { spec: { pulsar: { topics: ["orders"], topicsPattern: null } } });
    await untilPods(cluster, "stop", 2);
    assert.notDeepEqual(await template(), before);
  });

  test("stops on request although one of its objects is somebody else's", async () => {
    await readySink("taken");
    await cluster.patch(ROLES, "taken-kinesis-sink", { metadata: { ownerReferences: null } });
    await untilCondition(cluster, "taken", "Stalled", { status: "True", reason: "NameConflict" });
    await cluster.patch(KINESIS_SINKS, "taken", { spec: { paused: true } });
    await untilPods(cluster, "taken", 0);
    await untilCondition(cluster, "taken", "Paused", { status: "True", reason: "Paused" });
  });

  test("is scaled by its scale subresource, as kubectl and autoscalers do, which finds the pods by its selector", async () => {
    await readySink("scaled");
    const path = objectPath(KINESIS_SINKS, cluster.namespace, "scaled", "scale");
    const contentType = "application/merge-patch+json";
    await cluster.client.request({ method: "PATCH", path, contentType, body: { spec: { replicas: 3 } } });
    const names = (await untilPods(cluster, "scaled", 3)).map(({ metadata }) => metadata.name);
    const { status } = await eventually("three replicas", async () => {
      const scale = await cluster.client.request<{ status: { replicas: number; selector: string } }>({ path });
      assert.equal(scale.status.replicas, 3);
      return scale;
    });
    const query = { labelSelector: status.selector };
    const pods = collectionPath(PODS, cluster.namespace);
    const { items } = await cluster.client.request<{ items: KubeObject[] }>({ path: pods, query });
    assert.deepEqual(items.map(({ metadata }) => metadata.name).sort(), names.sort());
  });

  test("refuses what the definition cannot tell to be wrong, and names the field", async () => {
    const pulsar = { serviceUrl: "pulsar://pulsar:6650", topicsPattern: "persistent://public/default/(" };
    await cluster.create(KINESIS_SINKS, sinkManifest("later", { pulsar }));
    const stalled = await untilCondition(cluster, "later", "Stalled", { reason: "InvalidSpec" });
    assert.match(stalled?.message ?? "", /spec\.pulsar\.topicsPattern/);
    assert.equal(await cluster.get(DEPLOYMENTS, "later-kinesis-sink"), undefined);
    await cluster.patch(KINESIS_SINKS, "later", {
      spec: { pulsar: { topicsPattern: "persistent://public/default/.*" } },
    });
    await eventually("the Deployment", async () => assert.ok(await cluster.get(DEPLOYMENTS, "later-kinesis-sink")));
  });

  test("quotes the last warning about a pod that has not started", async () => {
    await cluster.create(KINESIS_SINKS, sinkManifest("mount"));
    const [pod] = await untilPods(cluster, "mount", 1);
    const name = pod?.metadata.name ?? "";
    await eventually("the pod is on a node, and creates its container", () =>
      setWaiting(cluster, name, "ContainerCreating", ""),
    );
    const involvedObject = { kind: "Pod", namespace: cluster.namespace, name };
    const message = 'MountVolume.SetUp failed for volume "aws": secret "aws" not found';
    const told = {
      involvedObject,
      type: "Warning",
      reason: "FailedMount",
      message,
      lastTimestamp: new Date().toISOString(),
    };
    await cluster.create(CORE_EVENTS, { metadata: { name: `${name}.1` }, ...told } as KubeObject);
    const ready = await eventually("the warning", async () => {
      // Again, for the scheduler, which has no node for it, may write after the kubelet did.
      await setWaiting(cluster, name, "ContainerCreating", "");
      const found = await condition(cluster, "mount", "Ready");
      assert.partialDeepStrictEqual(found, { status: "False", reason: "FailedMount" });
      return found;
    });
    assert.match(ready?.message ?? "", /secret "aws" not found/);
  });

  test("tells why pods cannot be created", async () => {
    const quota = { type: { group: "", version: "v1", plural: "resourcequotas", kind: "ResourceQuota" } };
    await cluster.create(quota.type, {
      metadata: { name: "none" },
      spec: { hard: { "limits.memory": "1Mi" } },
    } as KubeObject);
    await cluster.create(KINESIS_SINKS, sinkManifest("quota"));
    const stalled = await untilCondition(cluster, "quota", "Stalled", { reason: "QuotaExceeded" });
    assert.match(stalled?.message ?? "", /exceeded quota: none/);
    await cluster.remove(quota.type, "none");
    await untilCondition(cluster, "quota", "Ready", { status: "False", reason: "Unschedulable" });
  });
});
