import assert from "node:assert/strict";
import type { Condition, WorkerStatus } from "../../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../../crds/resource.ts";
import type { ConditionType } from "../../../crds/status-values.ts";
import type { LiveSink } from "../../../operator/desired/names.ts";
import { type KubeObject, PODS } from "../../../operator/kube/objects.ts";
import { isNotFound } from "../../../runtime/kube/errors.ts";
import { objectPath } from "../../../runtime/kube/resource-type.ts";
import { eventually, type TestCluster } from "./cluster.ts";

/** Pods with this never find a node, so no kubelet overwrites the status that a test gives them. */
const NOWHERE = { "pulsar-kinesis.io/no-such-node": "true" };

export function sinkManifest(name: string, spec: Record<string, unknown> = {}): KubeObject & { spec: object } {
  return {
    metadata: { name },
    spec: {
      config: { awsKinesisStreamName: "orders", awsRegion: "us-west-2" },
      secrets: { awsCredentialPluginParam: { name: "aws", key: "param" } },
      pulsar: { serviceUrl: "pulsar://pulsar:6650", topics: ["orders"] },
      pod: { nodeSelector: NOWHERE },
      ...spec,
    },
  };
}

export async function sink(cluster: TestCluster, name: string): Promise<LiveSink> {
  const found = await cluster.get<LiveSink & KubeObject>(KINESIS_SINKS, name);
  assert.ok(found, `KinesisSink ${name} exists`);
  return found;
}

export async function condition(
  cluster: TestCluster,
  name: string,
  type: ConditionType,
): Promise<Condition | undefined> {
  return (await sink(cluster, name)).status.conditions?.find((entry) => entry.type === type);
}

/** Waits until a condition says what is expected; undefined expects it to be absent. */
export async function untilCondition(
  cluster: TestCluster,
  name: string,
  type: ConditionType,
  expected: Partial<Condition> | undefined,
): Promise<Condition | undefined> {
  return await eventually(`${type} of ${name} becomes ${JSON.stringify(expected)}`, async () => {
    const found = await condition(cluster, name, type);
    if (expected === undefined) assert.equal(found, undefined);
    else assert.partialDeepStrictEqual(found, expected);
    return found;
  });
}

export interface TestPod extends KubeObject {
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
}

export async function workerPods(cluster: TestCluster, sinkName: string): Promise<TestPod[]> {
  const pods = await cluster.list<TestPod>(PODS);
  return pods.filter(({ metadata: { deletionTimestamp, labels = {} } }) => {
    // A Job that cleans up has the sink's label, too.
    const isWorker = labels["app.kubernetes.io/component"] === "worker";
    return isWorker && labels["pulsar-kinesis.io/sink"] === sinkName && deletionTimestamp === undefined;
  });
}

/** What a kubelet would write of a pod whose readiness probe succeeds, or does not. */
export async function setReady(cluster: TestCluster, pod: string, ready: boolean): Promise<void> {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const status = ready ? "True" : "False";
  const conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => ({
    type,
    status: type === "PodScheduled" || type === "Initialized" ? "True" : status,
    lastTransitionTime: now,
  }));
  await cluster.patch(PODS, pod, { status: { phase: "Running", conditions } }, "status");
}

/** Makes every worker of a sink ready that has not gone meanwhile, as when others became ready. */
export async function startWorkers(cluster: TestCluster, sinkName: string): Promise<void> {
  for (const { metadata } of await workerPods(cluster, sinkName)) {
    await setReady(cluster, metadata.name, true).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}

/** What a kubelet would write of a container that waits. */
export async function setWaiting(cluster: TestCluster, pod: string, reason: string, message: string): Promise<void> {
  const waiting = {
    name: "worker",
    image: "",
    imageID: "",
    ready: false,
    restartCount: 0,
    state: { waiting: { reason, message } },
  };
  const conditions = [{ type: "PodScheduled", status: "True" }];
  await cluster.patch(PODS, pod, { status: { phase: "Pending", conditions, containerStatuses: [waiting] } }, "status");
}

/** A report, written as a worker writes it: server-side apply of its own entry, the pod's name as field manager. */
export async function report(cluster: TestCluster, sinkName: string, entry: WorkerStatus): Promise<void> {
  await cluster.client.request({
    method: "PATCH",
    path: objectPath(KINESIS_SINKS, cluster.namespace, sinkName, "status"),
    query: { fieldManager: entry.pod, force: true },
    contentType: "application/apply-patch+yaml",
    body: {
      apiVersion: "pulsar-kinesis.io/v1alpha1",
      kind: "KinesisSink",
      metadata: { name: sinkName },
      status: { workers: [entry] },
    },
  });
}

/** Waits for `count` worker pods. */
export async function untilPods(cluster: TestCluster, sinkName: string, count: number): Promise<TestPod[]> {
  return await eventually(`${count} pods of ${sinkName}`, async () => {
    const pods = await workerPods(cluster, sinkName);
    assert.equal(pods.length, count);
    return pods;
  });
}
