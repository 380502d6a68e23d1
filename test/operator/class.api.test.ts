import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { DeploymentObject } from "../../operator/desired/deployment.ts";
import { CONFIG_MAPS, DEPLOYMENTS, type KubeObject } from "../../operator/kube/objects.ts";
import { program } from "../../runtime/version.ts";
import { eventually, skip } from "./api/cluster.ts";
import { useCluster } from "./api/fixture.ts";
import { type RunningOperator, runOperator } from "./api/operator.ts";
import { sink, sinkManifest } from "./api/sinks.ts";

describe("operators of two classes in one namespace", { skip }, () => {
  const cluster = useCluster();
  let operators: RunningOperator[] = [];
  before(() => {
    operators = [
      runOperator(cluster, { WORKER_IMAGE: "localhost/default:1", POD_NAME: "operator-default" }),
      runOperator(cluster, { WORKER_IMAGE: "localhost/blue:1", POD_NAME: "operator-blue", OPERATOR_CLASS: "blue" }),
    ];
  });
  after(async () => {
    for (const operator of operators) await operator.stop();
  });

  const deployment = async (name: string): Promise<DeploymentObject> => {
    const found = await cluster.get<DeploymentObject>(DEPLOYMENTS, `${name}-kinesis-sink`);
    assert.ok(found, `Deployment of ${name}`);
    return found;
  };
  const isRunBy = (name: string, operatorClass: string) =>
    eventually(`${name} is run by the operator of class ${operatorClass}`, async () => {
      const [container] = (await deployment(name)).spec.template.spec?.containers ?? [];
      assert.equal(container?.image, `localhost/${operatorClass}:1`);
      const { operator } = (await sink(cluster, name)).status;
      const expected = { class: operatorClass, version: program.version, pod: `operator-${operatorClass}` };
      assert.deepEqual(operator, expected);
    });

  test("each runs the sinks of its class, and those without one are the default operator's", async () => {
    await cluster.create(KINESIS_SINKS, sinkManifest("plain"));
    await cluster.create(KINESIS_SINKS, sinkManifest("named", { class: "default" }));
    await cluster.create(KINESIS_SINKS, sinkManifest("blue", { class: "blue" }));
    await cluster.create(KINESIS_SINKS, sinkManifest("nobody", { class: "none" }));
    await isRunBy("plain", "default");
    await isRunBy("named", "default");
    await isRunBy("blue", "blue");
    assert.equal(await cluster.get(DEPLOYMENTS, "nobody-kinesis-sink"), undefined);
    assert.equal((await sink(cluster, "nobody")).status.operator, undefined);
  });

  test("a sink that changes its class is taken over with its objects, and nobody fights over them", async () => {
    await cluster.create(KINESIS_SINKS, sinkManifest("moved"));
    await isRunBy("moved", "default");
    const before = (await deployment("moved")).metadata.uid;
    await cluster.patch(KINESIS_SINKS, "moved", { spec: { class: "blue" } });
    await isRunBy("moved", "blue");
    const { uid, generation } = (await deployment("moved")).metadata;
    assert.equal(uid, before);
    // The former operator has seen the change too, once it has run a sink that came later.
    await cluster.create(KINESIS_SINKS, sinkManifest("later"));
    await isRunBy("later", "default");
    assert.equal((await deployment("moved")).metadata.generation, generation);
  });

  test("the class alone changes nothing of what workers read", async () => {
    await cluster.create(KINESIS_SINKS, sinkManifest("same"));
    await isRunBy("same", "default");
    const annotations = async () => (await deployment("same")).spec.template.metadata?.annotations;
    const before = (await annotations())?.["pulsar-kinesis.io/config-hash"];
    await cluster.patch(KINESIS_SINKS, "same", { spec: { class: "default" } });
    await eventually("the change is seen", async () => {
      const { metadata, status } = await sink(cluster, "same");
      assert.equal(status.observedGeneration, metadata.generation);
    });
    assert.equal((await annotations())?.["pulsar-kinesis.io/config-hash"], before);
    const name = `same-kinesis-sink-${before}`;
    const config = await cluster.get<KubeObject & { data: Record<string, string> }>(CONFIG_MAPS, name);
    assert.ok(config, name);
    assert.doesNotMatch(JSON.stringify(config?.data), /\bclass\b/);
  });
});
