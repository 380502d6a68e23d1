import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { StructuralSchema } from "../../crds/json-schema.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { ConfigMapObject } from "../../operator/desired/config-map.ts";
import { CONFIG_MAPS, type KubeObject } from "../../operator/kube/objects.ts";
import { readCopy } from "../../worker/config.ts";
import { type Definition, eventually, installDefinition, skip } from "./api/cluster.ts";
import { useOperator } from "./api/fixture.ts";
import { condition, report, setReady, sink, sinkManifest, untilCondition, untilPods } from "./api/sinks.ts";

type Properties = Record<string, StructuralSchema>;

/** What a later version may do: a field that every sink has at once, and one that users set. */
function addFields({ spec }: Definition): void {
  const [{ schema }] = spec.versions;
  const fields = schema.openAPIV3Schema.properties?.["spec"]?.properties as Properties;
  fields["newByDefault"] = { type: "string", default: "on" };
  const config = fields["config"]?.properties as Properties;
  config["newSetting"] = { type: "integer" };
}

describe("a definition that is newer than the operator", { skip }, () => {
  const cluster = useOperator();
  before(() => installDefinition(cluster.client, addFields));
  after(() => installDefinition(cluster.client));

  test("leaves every sink Ready, and tells which fields have no effect", async () => {
    await eventually("the new definition is served", async () => {
      await cluster.create(KINESIS_SINKS, sinkManifest("probe", { paused: true }));
      const { newByDefault } = (await sink(cluster, "probe")).spec as { newByDefault?: string };
      if (newByDefault === "on") return;
      await cluster.remove(KINESIS_SINKS, "probe");
      assert.fail("not yet");
    });
    const config = { awsKinesisStreamName: "orders", awsRegion: "us-west-2", newSetting: 3 };
    await cluster.create(KINESIS_SINKS, sinkManifest("newer", { config }));
    const [pod] = await untilPods(cluster, "newer", 1);
    const name = pod?.metadata.name ?? "";
    await setReady(cluster, name, true);
    await report(cluster, "newer", { pod: name, state: "Running" });
    await untilCondition(cluster, "newer", "Ready", { status: "True", reason: "WorkersReady" });
    assert.equal(await condition(cluster, "newer", "Stalled"), undefined);
    const { status } = await sink(cluster, "newer");
    assert.deepEqual(status.ignoredProperties?.toSorted(), ["spec.config.newSetting", "spec.newByDefault"]);
  });

  test("hands the workers all of it, for theirs may be the version that knows it", async () => {
    const found = await cluster.get<ConfigMapObject & KubeObject>(CONFIG_MAPS, "newer-kinesis-sink");
    const { manifest, unknownFields } = readCopy(found?.data["sink.json"] ?? "");
    assert.equal((manifest.spec as { newByDefault?: string }).newByDefault, "on");
    assert.deepEqual(unknownFields.toSorted(), ["spec.config.newSetting", "spec.newByDefault"]);
  });
});
