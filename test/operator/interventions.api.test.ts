import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { CORE_EVENTS, DEPLOYMENTS, type KubeObject } from "../../operator/kube/objects.ts";
import { eventually, skip } from "./api/cluster.ts";
import { useCluster } from "./api/fixture.ts";
import { runOperator } from "./api/operator.ts";
import { condition, sinkManifest, untilCondition, untilPods } from "./api/sinks.ts";

const annotate = (annotations: Record<string, string | null>) => ({ metadata: { annotations } });

describe("in an incident, on a real API server, a sink", { skip }, () => {
  const cluster = useCluster();

  test("stops by an annotation, or with its namespace, whatever its spec says, and goes on when that is taken back", async () => {
    const operator = runOperator(cluster);
    await cluster.create(KINESIS_SINKS, sinkManifest("stopped"));
    await untilPods(cluster, "stopped", 1);
    await cluster.patch(KINESIS_SINKS, "stopped", annotate({ "pulsar-kinesis.io/paused": "true" }));
    await untilPods(cluster, "stopped", 0);
    const told = await untilCondition(cluster, "stopped", "Paused", { status: "True", reason: "Paused" });
    assert.match(told?.message ?? "", /annotation pulsar-kinesis\.io\/paused/);
    await cluster.patch(KINESIS_SINKS, "stopped", annotate({ "pulsar-kinesis.io/paused": null }));
    await untilPods(cluster, "stopped", 1);
    assert.equal(await condition(cluster, "stopped", "Paused"), undefined);
    await operator.stop();

    const pausing = runOperator(cluster, { PAUSE_NAMESPACES: cluster.namespace });
    await untilPods(cluster, "stopped", 0);
    await untilCondition(cluster, "stopped", "Paused", { status: "True", reason: "Paused" });
    await pausing.stop();
    const again = runOperator(cluster);
    await untilPods(cluster, "stopped", 1);
    await again.stop();
  });

  test("has everything applied anew when somebody asks for it", async () => {
    const operator = runOperator(cluster);
    await cluster.create(KINESIS_SINKS, sinkManifest("anew"));
    await untilPods(cluster, "anew", 1);
    await cluster.patch(KINESIS_SINKS, "anew", annotate({ "pulsar-kinesis.io/reconcile-at": "1" }));
    await eventually("an Event says so", async () => {
      const events = await cluster.list<KubeObject & { reason: string; involvedObject: { name: string } }>(CORE_EVENTS);
      const told = events.filter(
        ({ involvedObject, reason }) => involvedObject.name === "anew" && reason === "ReconcileForced",
      );
      assert.equal(told.length, 1);
    });
    assert.ok(await cluster.get(DEPLOYMENTS, "anew-kinesis-sink"));
    await operator.stop();
  });
});
