import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { ConfigMapObject } from "../../operator/desired/config-map.ts";
import type { DeploymentObject } from "../../operator/desired/deployment.ts";
import { MADE_FROM_ANNOTATION, ROLL_NOW_ANNOTATION, TURN_ANNOTATION } from "../../operator/desired/names.ts";
import { mountedConfig, type VolumeHolder } from "../../operator/desired/volumes.ts";
import { CONFIG_MAPS, CORE_EVENTS, DEPLOYMENTS, type KubeObject, PODS } from "../../operator/kube/objects.ts";
import { eventually, skip, type TestCluster } from "./api/cluster.ts";
import { pruneAfterTenMinutes } from "./api/config-maps.ts";
import { useCluster } from "./api/fixture.ts";
import { type RunningOperator, runOperator } from "./api/operator.ts";
import { sink, sinkManifest, startWorkers, untilCondition, untilPods } from "./api/sinks.ts";

const OLD = "localhost/pause:1";
const NEW = "localhost/pause:2";
const CANARIES = { ROLLOUT_CANARIES: JSON.stringify({ matchLabels: { tier: "canary" } }) };

describe("workers that change with the operator", { skip }, () => {
  const cluster = useCluster();
  let operator: RunningOperator | undefined;
  const start = (image: string, more: Record<string, string> = {}) => {
    operator = runOperator(cluster, { WORKER_IMAGE: image, ROLLOUT_MAX_CONCURRENT: "1", ...more });
  };
  const stop = async () => {
    await operator?.stop();
    operator = undefined;
  };
  afterEach(stop);

  const deployment = async (name: string) =>
    (await cluster.get<DeploymentObject>(DEPLOYMENTS, `${name}-kinesis-sink`)) ?? assert.fail(`${name} has none`);
  const imageOf = async (name: string) => (await deployment(name)).spec.template.spec?.containers[0]?.image;
  const imagesOf = async (names: readonly string[]) => await Promise.all(names.map(imageOf));
  const pendingOf = async (name: string) => (await sink(cluster, name)).status.pendingChange?.reason;
  const create = async (name: string, labels: Record<string, string> = {}) => {
    const manifest = sinkManifest(name);
    await cluster.create(KINESIS_SINKS, { ...manifest, metadata: { ...manifest.metadata, labels } });
    await untilPods(cluster, name, 1);
  };
  const createReady = async (name: string, labels: Record<string, string> = {}) => {
    await create(name, labels);
    await startWorkers(cluster, name);
    await untilCondition(cluster, name, "Ready", { status: "True" });
    await untilCondition(cluster, name, "Reconciling", undefined);
  };
  const configMaps = async () => {
    const all = await cluster.list<KubeObject>(CONFIG_MAPS);
    return all.filter(({ metadata }) => metadata.labels?.["app.kubernetes.io/component"] === "worker");
  };
  const remove = async (names: readonly string[]) => {
    for (const name of names) await cluster.remove(KINESIS_SINKS, name);
    await eventually("all is gone", async () => assert.deepEqual(await cluster.list(DEPLOYMENTS), []));
  };

  test("canaries roll first, then one after the other, and those that were not Ready last; a new leader goes on", async () => {
    start(OLD);
    const ready = ["first", "second", "third"];
    for (const name of ready) await createReady(name);
    await createReady("early", { tier: "canary" });
    await create("lame");
    await untilCondition(cluster, "lame", "Ready", { status: "False" });
    await stop();
    // As an operator that does not mark its Deployments leaves one.
    await cluster.patch(DEPLOYMENTS, "first-kinesis-sink", {
      metadata: { annotations: { [MADE_FROM_ANNOTATION]: null } },
    });

    start(NEW, CANARIES);
    await eventually("the canary rolls", async () => assert.equal(await imageOf("early"), NEW));
    await eventually("the others say that they wait", async () => {
      for (const name of [...ready, "lame"]) assert.equal(await pendingOf(name), "RolloutWaiting");
    });
    assert.deepEqual(await imagesOf([...ready, "lame"]), [OLD, OLD, OLD, OLD]);
    await untilCondition(cluster, "second", "Ready", { status: "True", reason: "WorkersReady" });
    await untilCondition(cluster, "second", "Reconciling", undefined);

    const rolled: string[] = ["early"];
    const next = async () => {
      await startWorkers(cluster, rolled.at(-1) ?? "");
      return await eventually("the next one rolls", async () => {
        const left = [...ready, "lame"].filter((name) => !rolled.includes(name));
        const images = await imagesOf(left);
        const found = left.filter((_, index) => images[index] === NEW);
        assert.ok(found.length <= 1, `together: ${found.join(", ")}`);
        assert.ok(found[0]);
        rolled.push(found[0]);
      });
    };
    await next();
    await stop();
    start(NEW, CANARIES);
    await next();
    await next();
    assert.ok(!rolled.includes("lame"));
    await next();
    await startWorkers(cluster, "lame");
    await eventually("nothing waits any more", async () => {
      for (const name of [...ready, "early", "lame"]) {
        assert.equal(await pendingOf(name), undefined);
        await untilCondition(cluster, name, "Ready", { status: "True" });
      }
    });
    assert.equal((await deployment("early")).metadata.annotations?.[TURN_ANNOTATION], "canary");
    const events = await cluster.list<KubeObject & { reason: string; message: string }>(CORE_EVENTS);
    assert.equal(events.filter(({ reason }) => reason === "RollingOut").length, 5);
    await remove([...ready, "early", "lame"]);
  });

  test("a sink that waits is scaled and stopped as it is; a change of its spec takes along what waits, and so does a wish", async () => {
    start(OLD);
    const names = ["scaled", "changed", "wished", "stopped", "waiting"];
    for (const name of names) await createReady(name);
    await stop();
    start(NEW, { ROLLOUT_PAUSE: "true" });
    await eventually("all wait", async () => {
      for (const name of names) assert.equal(await pendingOf(name), "RolloutPaused");
    });
    const { spec: before } = await deployment("scaled");
    await cluster.patch(KINESIS_SINKS, "scaled", { spec: { replicas: 3 } });
    await eventually("it is scaled", async () => assert.equal((await deployment("scaled")).spec.replicas, 3));
    await eventually("the change is acted on", async () => {
      assert.equal((await sink(cluster, "scaled")).status.observedGeneration, 2);
    });
    assert.deepEqual((await deployment("scaled")).spec.template, before.template);
    await cluster.patch(DEPLOYMENTS, "scaled-kinesis-sink", {
      metadata: { labels: { "app.kubernetes.io/component": "x" } },
    });
    await eventually("its labels are put back", async () => {
      assert.equal((await deployment("scaled")).metadata.labels?.["app.kubernetes.io/component"], "worker");
    });
    assert.deepEqual((await deployment("scaled")).spec.template, before.template);

    await cluster.patch(KINESIS_SINKS, "changed", { spec: { config: { requestTimeout: 7000 } } });
    await eventually("the changed one rolls", async () => assert.equal(await imageOf("changed"), NEW));
    await cluster.patch(KINESIS_SINKS, "wished", { metadata: { annotations: { [ROLL_NOW_ANNOTATION]: "true" } } });
    await eventually("the wished one rolls", async () => assert.equal(await imageOf("wished"), NEW));
    await cluster.patch(KINESIS_SINKS, "stopped", { spec: { paused: true } });
    await untilCondition(cluster, "stopped", "Paused", { status: "True" });
    await eventually("what runs nowhere is made anew", async () => assert.equal(await imageOf("stopped"), NEW));
    await eventually("they do not wait any more", async () => {
      for (const name of ["changed", "wished", "stopped"]) assert.equal(await pendingOf(name), undefined);
    });
    assert.deepEqual(await imagesOf(["scaled", "waiting"]), [OLD, OLD]);
    await remove(names);
  });

  test("what an operator of 0.1.0 made stays as it is until its turn, and its ConfigMap until its pods are gone", async () => {
    start(OLD);
    await createReady("former");
    await stop();
    const name = "former-kinesis-sink";
    const config = await madeByFirstRelease(cluster, "former");
    await startWorkers(cluster, "former");
    await untilPods(cluster, "former", 1);
    const { spec: before } = await deployment("former");

    start(NEW, { ROLLOUT_PAUSE: "true" });
    await eventually("it waits", async () => assert.equal(await pendingOf("former"), "RolloutPaused"));
    assert.deepEqual((await deployment("former")).spec.template, before.template);
    assert.deepEqual(
      (await configMaps()).map(({ metadata }) => metadata.name).filter((one) => one !== config.hashed),
      [name],
    );

    await cluster.patch(KINESIS_SINKS, "former", { metadata: { annotations: { [ROLL_NOW_ANNOTATION]: "true" } } });
    await eventually("it rolls", async () => assert.equal(await imageOf("former"), NEW));
    await pruneAfterTenMinutes(cluster, "former");
    const kept = (await configMaps()).find(({ metadata }) => metadata.name === name);
    assert.equal(
      kept?.metadata.resourceVersion,
      config.resourceVersion,
      "its pod is there, as the new one is not ready",
    );
    await startWorkers(cluster, "former");
    await untilPods(cluster, "former", 1);
    await eventually("it goes when nobody needs it", async () => {
      await pruneAfterTenMinutes(cluster, "former");
      assert.ok(!(await configMaps()).some(({ metadata }) => metadata.name === name));
    });
    await remove(["former"]);
  });
});

/** Makes of a sink's Deployment what the first release would have: one mutable ConfigMap, and no marks. */
async function madeByFirstRelease(cluster: TestCluster, sinkName: string) {
  const name = `${sinkName}-kinesis-sink`;
  const { metadata, spec } = (await cluster.get<DeploymentObject>(DEPLOYMENTS, name)) ?? assert.fail();
  const hashed = mountedConfig(spec.template.spec as VolumeHolder) ?? assert.fail();
  const { data } = (await cluster.get<ConfigMapObject>(CONFIG_MAPS, hashed)) ?? assert.fail();
  const { labels = {}, ownerReferences = [] } = metadata;
  const made = await cluster.create(CONFIG_MAPS, { metadata: { name, labels, ownerReferences }, data } as KubeObject);
  const volumes = (spec.template.spec?.volumes ?? []).map((volume) =>
    volume.configMap?.name === hashed ? { ...volume, configMap: { ...volume.configMap, name } } : volume,
  );
  const annotations = Object.fromEntries(Object.keys(metadata.annotations ?? {}).map((key) => [key, null]));
  const hash = { "pulsar-kinesis.io/template-hash": "of-the-first-release" };
  await cluster.patch(DEPLOYMENTS, name, {
    metadata: { annotations },
    spec: { template: { metadata: { annotations: hash }, spec: { volumes } } },
  });
  await eventually("its pods have it", async () => {
    const pods = await cluster.list<KubeObject & { spec: VolumeHolder }>(PODS);
    assert.ok(pods.some(({ spec }) => mountedConfig(spec) === name));
  });
  return { hashed, resourceVersion: made.metadata.resourceVersion };
}
