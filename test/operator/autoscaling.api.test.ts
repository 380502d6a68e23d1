import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { load } from "js-yaml";
import type { WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { DeploymentObject } from "../../operator/desired/deployment.ts";
import { DEPLOYMENTS, EVENTS, type KubeObject } from "../../operator/kube/objects.ts";
import { objectPath } from "../../runtime/kube/resource-type.ts";
import { eventually, skip } from "./api/cluster.ts";
import { useCluster, useOperator } from "./api/fixture.ts";
import { runOperator } from "./api/operator.ts";
import { report, setReady, sink, sinkManifest, untilCondition, untilPods } from "./api/sinks.ts";

/** As fast as reports allow: at 10 s a beat a change is due after 20 s. */
const AUTOSCALING = {
  minReplicas: 1,
  maxReplicas: 4,
  targetLagSeconds: 60,
  scaleUpStabilizationSeconds: 0,
  scaleDownStabilizationSeconds: 0,
};

const RUNNING = {
  state: "Running",
  source: { connected: true, partitions: 8, activePartitions: 8, endedPartitions: 0 },
  stream: { writable: true, shards: 4 },
  ratePerSecond: 100,
  budgetPercent: 5,
} as const satisfies Partial<WorkerStatus>;

interface Event extends KubeObject {
  readonly regarding: { readonly name: string };
  readonly reason: string;
  readonly note: string;
}

describe("a sink with spec.autoscaling", { skip, timeout: 900_000 }, () => {
  const cluster = useOperator();

  /** Every pod is ready and reports, until what is waited for is there. */
  async function reportUntil(name: string, pods: number, entry: Partial<WorkerStatus>, wanted: number): Promise<void> {
    await eventually(`${wanted} workers of ${name}`, async () => {
      await reportOnce(name, pods, entry);
      assert.equal((await sink(cluster, name)).status.autoscaling?.replicas, wanted);
    });
  }

  async function reportOnce(name: string, pods: number, entry: Partial<WorkerStatus>): Promise<void> {
    for (const { metadata } of await untilPods(cluster, name, pods)) {
      await setReady(cluster, metadata.name, true);
      const reportedAt = new Date().toISOString();
      await report(cluster, name, { ...RUNNING, pod: metadata.name, reportedAt, ...entry });
    }
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }

  async function eventsOf(name: string, reason: string): Promise<string[]> {
    const events = await cluster.list<Event>(EVENTS);
    return events
      .filter(({ regarding, reason: found }) => regarding.name === name && found === reason)
      .map(({ note }) => note);
  }

  test("gets more workers by what they report, and fewer when they could do without, each told by an Event", async () => {
    await cluster.create(KINESIS_SINKS, sinkManifest("lag", { replicas: 2, autoscaling: AUTOSCALING }));
    await reportUntil("lag", 2, { lagSeconds: 150 }, 4);
    await untilPods(cluster, "lag", 4);
    const [up] = await eventually("the Event", async () => {
      const notes = await eventsOf("lag", "ScaledUp");
      assert.equal(notes.length, 1);
      return notes;
    });
    assert.match(up ?? "", /^2 → 4 workers: lag 150 s of targetLagSeconds 60; 200 messages\/s/);
    assert.equal((await sink(cluster, "lag")).status.autoscaling?.lagSource, "Reported");

    await reportUntil("lag", 4, { lagSeconds: 1, ratePerSecond: 1 }, 2);
    await untilPods(cluster, "lag", 2);
    assert.equal((await eventsOf("lag", "ScaledDown")).length, 1);
  });

  test("stays as it is while a shard is the limit", async () => {
    await cluster.create(KINESIS_SINKS, sinkManifest("shard", { autoscaling: AUTOSCALING }));
    await eventually("the limit is told", async () => {
      await reportOnce("shard", 1, { lagSeconds: 500, slowestShard: "shardId-000000000003" });
      assert.equal((await sink(cluster, "shard")).status.autoscaling?.reason, "ShardsLimit");
    });
    const [note = ""] = await eventually("the Event", async () => {
      const notes = await eventsOf("shard", "ShardsLimit");
      assert.equal(notes.length, 1);
      return notes;
    });
    assert.match(note, /stays at 1 workers: shardId-000000000003 of the stream takes no more/);
    await untilPods(cluster, "shard", 1);
  });

  test("is stopped by the scale subresource, and else leaves what it sets without effect", async () => {
    await cluster.create(KINESIS_SINKS, sinkManifest("scale", { replicas: 2, autoscaling: AUTOSCALING }));
    await untilPods(cluster, "scale", 2);
    const path = objectPath(KINESIS_SINKS, cluster.namespace, "scale", "scale");
    const contentType = "application/merge-patch+json";
    const scale = (replicas: number) =>
      cluster.client.request({ method: "PATCH", path, contentType, body: { spec: { replicas } } });
    await eventually("it is decided on", async () =>
      assert.equal((await sink(cluster, "scale")).status.autoscaling?.replicas, 2),
    );
    await scale(3);
    await eventually("the Event", async () => assert.equal((await eventsOf("scale", "ReplicasIgnored")).length, 1));
    await scale(0);
    await untilPods(cluster, "scale", 0);
    await untilCondition(cluster, "scale", "Paused", { status: "True", reason: "ScaledToZero" });
    await scale(3);
    await untilPods(cluster, "scale", 2);
    assert.equal((await eventsOf("scale", "ReplicasIgnored")).length, 1);
  });

  test("keeps the number that the status tells when another operator takes over", async () => {
    const { spec } = sinkManifest("taken-over", { autoscaling: AUTOSCALING, replicas: 2 });
    await cluster.create(KINESIS_SINKS, { metadata: { name: "taken-over" }, spec } as KubeObject);
    await reportUntil("taken-over", 2, { lagSeconds: 150 }, 4);
    const other = runOperator(cluster);
    try {
      await untilPods(cluster, "taken-over", 4);
      const deployment = await cluster.get<DeploymentObject>(DEPLOYMENTS, "taken-over-kinesis-sink");
      assert.equal(deployment?.spec.replicas, 4);
    } finally {
      await other.stop();
    }
  });
});

describe("autoscalers by the scale subresource", { skip, timeout: 300_000 }, () => {
  const cluster = useCluster();
  const page = readFileSync(join(import.meta.dirname, "../../docs/autoscaling.md"), "utf8");

  test("the documented HorizontalPodAutoscaler is one that the API server takes, without an unknown field", async () => {
    const texts = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = ""]) => text);
    const manifest = load(texts.find((text) => text.includes("kind: HorizontalPodAutoscaler")) ?? "");
    await cluster.client.request({
      method: "POST",
      path: `/apis/autoscaling/v2/namespaces/${cluster.namespace}/horizontalpodautoscalers`,
      query: { dryRun: "All", fieldValidation: "Strict" },
      body: manifest,
    });
  });
});
