import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { handoverLeasePath } from "../../crds/handover-lease.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { ConfigMapObject } from "../../operator/desired/config-map.ts";
import type { DeploymentObject } from "../../operator/desired/deployment.ts";
import { CONFIG_HASH_ANNOTATION } from "../../operator/desired/names.ts";
import type { RoleObject } from "../../operator/desired/role.ts";
import type { RoleBindingObject } from "../../operator/desired/role-binding.ts";
import { mountedConfig, type VolumeHolder } from "../../operator/desired/volumes.ts";
import {
  CONFIG_MAPS,
  CORE_EVENTS,
  controllerOf,
  DEPLOYMENTS,
  type KubeObject,
  LEASES,
  PODS,
  REPLICA_SETS,
  ROLE_BINDINGS,
  ROLES,
  SERVICE_ACCOUNTS,
} from "../../operator/kube/objects.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createKubeClient } from "../../runtime/kube/client.ts";
import { objectPath } from "../../runtime/kube/resource-type.ts";
import { createPeers } from "../../worker/peers/peers.ts";
import { createStatusPublisher } from "../../worker/report/resource-status.ts";
import { silentLog } from "../silent-log.ts";
import { eventually, skip } from "./api/cluster.ts";
import { pruneAfterTenMinutes } from "./api/config-maps.ts";
import { useOperator } from "./api/fixture.ts";
import { setReady, sink, sinkManifest, startWorkers, untilCondition, untilPods } from "./api/sinks.ts";

interface ReplicaSet {
  readonly spec: { readonly template: { readonly spec: VolumeHolder } };
}

interface Observed {
  readonly status?: { readonly observedGeneration?: number };
}

const CHILDREN = [SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, LEASES, CONFIG_MAPS, DEPLOYMENTS];

describe("the objects of a sink on a real API server", { skip }, () => {
  const cluster = useOperator();

  /** Of a ConfigMap, the one that new pods read. */
  const childName = async (type: (typeof CHILDREN)[number], name: string): Promise<string> => {
    if (type !== CONFIG_MAPS) return `${name}-kinesis-sink`;
    const { spec } = await child<DeploymentObject>(DEPLOYMENTS, name);
    return mountedConfig(spec.template.spec as VolumeHolder) ?? "none";
  };
  const child = async <T extends KubeObject>(type: (typeof CHILDREN)[number], name: string): Promise<T> => {
    const found = await cluster.get<T>(type, await childName(type, name));
    assert.ok(found, `${type.kind} of ${name} exists`);
    return found;
  };
  const create = async (name: string, spec?: Record<string, unknown>) => {
    await cluster.create(KINESIS_SINKS, sinkManifest(name, spec));
    await eventually(`Deployment of ${name}`, () => child(DEPLOYMENTS, name));
  };

  test("every one is made, with the sink as its controller", async () => {
    await create("made");
    const { uid } = (await sink(cluster, "made")).metadata;
    for (const type of CHILDREN) assert.equal(controllerOf(await child(type, "made"))?.uid, uid, type.kind);
    // No node takes its pod, as before a cluster autoscaler adds one.
    await untilCondition(cluster, "made", "Reconciling", { status: "True", reason: "Unschedulable" });
    await untilCondition(cluster, "made", "Stalled", undefined);
    assert.equal((await sink(cluster, "made")).status.observedGeneration, 1);
  });

  test("what somebody changes is put back, what somebody adds stays", async () => {
    await create("drift");
    const name = "drift-kinesis-sink";
    await cluster.patch(DEPLOYMENTS, name, {
      metadata: { annotations: { "example.com/added": "yes" } },
      spec: { template: { spec: { serviceAccountName: "default" } } },
    });
    await cluster.patch(ROLES, name, { rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }] });
    await cluster.remove(CONFIG_MAPS, await childName(CONFIG_MAPS, "drift"));
    await eventually("all is as it was", async () => {
      const deployment = await child<DeploymentObject>(DEPLOYMENTS, "drift");
      assert.equal(deployment.spec.template.spec?.serviceAccountName, name);
      assert.equal(deployment.metadata.annotations?.["example.com/added"], "yes");
      const role = await child<RoleObject>(ROLES, "drift");
      assert.deepEqual(
        role.rules.flatMap(({ resources }) => resources),
        ["kinesissinks/status"],
      );
      await child(CONFIG_MAPS, "drift");
    });
  });

  test("who scales the Deployment again and again is named, and put back ever more rarely", async () => {
    await create("fought");
    const path = `${objectPath(DEPLOYMENTS, cluster.namespace, "fought-kinesis-sink")}/scale`;
    const contentType = "application/merge-patch+json";
    for (let nth = 0; nth < 2; nth += 1) {
      await cluster.client.request({ method: "PATCH", path, contentType, body: { spec: { replicas: 3 } } });
      await eventually("it is put back", async () =>
        assert.equal((await child<DeploymentObject>(DEPLOYMENTS, "fought")).spec.replicas, 1),
      );
    }
    await eventually("an Event names the field manager", async () => {
      const events = await cluster.list<KubeObject & { reason: string; message: string }>(CORE_EVENTS);
      const told = events.find(({ reason }) => reason === "DriftRepaired");
      assert.match(
        told?.message ?? "",
        /^Deployment fought-kinesis-sink .* field manager operator-tests, which sets spec\.replicas/,
      );
    });
  });

  test("the marks in its Lease are its workers': one of them takes each, and the operator lets them be", async () => {
    await create("marked");
    const { namespace } = cluster;
    const path = handoverLeasePath({ namespace, name: "marked" });
    const worker = () =>
      createPeers({ client: cluster.client, path, clock: systemClock, log: silentLog, extraWaitMs: () => 0 });
    const topics = Array.from({ length: 1_000 }, (_, index) => `persistent://public/default/orders-partition-${index}`);
    const left = topics.map((topic) => ({ topic, ownedAt: Date.now() }));
    assert.equal(await worker().leave(left), true);
    const { resourceVersion } = (await child(LEASES, "marked")).metadata;
    const takers = [worker(), worker(), worker()];
    const taken = await Promise.all(
      topics.slice(0, 50).map(async (topic) => {
        const results = await Promise.all(takers.map((taker) => taker.take(topic, AbortSignal.timeout(6_000))));
        return results.filter(Boolean).length;
      }),
    );
    assert.deepEqual(
      taken,
      topics.slice(0, 50).map(() => 1),
    );
    const after = (await child(LEASES, "marked")).metadata;
    assert.notEqual(after.resourceVersion, resourceVersion);
    assert.equal(Object.keys(after.annotations ?? {}).length, 950);
    const events = await cluster.list<KubeObject & { reason: string; message: string }>(CORE_EVENTS);
    assert.deepEqual(
      events.filter(({ reason, message }) => reason === "DriftRepaired" && message.includes("marked")),
      [],
    );
  });

  test("an object that lost the operator's label is found and repaired", async () => {
    await create("label");
    const name = await childName(CONFIG_MAPS, "label");
    await cluster.patch(CONFIG_MAPS, name, { metadata: { labels: { "app.kubernetes.io/managed-by": "me" } } });
    await eventually("the label is back", async () => {
      const { metadata } = await child(CONFIG_MAPS, "label");
      assert.equal(metadata.labels?.["app.kubernetes.io/managed-by"], "kinesis-sink-operator");
    });
  });

  test("a changed configuration rolls the pods, scaling does not", async () => {
    await create("roll");
    const hash = async () =>
      (await child<DeploymentObject>(DEPLOYMENTS, "roll")).spec.template.metadata?.annotations?.[
        "pulsar-kinesis.io/template-hash"
      ];
    const first = await hash();
    await cluster.patch(KINESIS_SINKS, "roll", { spec: { replicas: 3 } });
    await eventually("3 replicas", async () =>
      assert.equal((await child<DeploymentObject>(DEPLOYMENTS, "roll")).spec.replicas, 3),
    );
    assert.equal(await hash(), first);
    await cluster.patch(KINESIS_SINKS, "roll", { spec: { config: { requestTimeout: 7000 } } });
    await eventually("another template", async () => assert.notEqual(await hash(), first));
    const { data } = await child<ConfigMapObject>(CONFIG_MAPS, "roll");
    assert.equal(JSON.parse(data["sink.json"] ?? "").spec.config.requestTimeout, 7000);
  });

  test("pods of an earlier configuration keep theirs, which nobody can change", async () => {
    await create("kept");
    const first = await child<ConfigMapObject>(CONFIG_MAPS, "kept");
    await cluster.patch(KINESIS_SINKS, "kept", { spec: { config: { requestTimeout: 7000 } } });
    await eventually("another configuration", async () =>
      assert.notEqual(await childName(CONFIG_MAPS, "kept"), first.metadata.name),
    );
    await eventually("the change is acted on", async () =>
      assert.equal((await sink(cluster, "kept")).status.observedGeneration, 2),
    );
    const { data } = (await cluster.get<ConfigMapObject>(CONFIG_MAPS, first.metadata.name)) ?? assert.fail();
    assert.deepEqual(data, first.data);
    const sets = await cluster.list<KubeObject & ReplicaSet>(REPLICA_SETS);
    const hashes = sets
      .filter(({ metadata }) => metadata.labels?.["pulsar-kinesis.io/sink"] === "kept")
      .map(({ metadata, spec }) => [mountedConfig(spec.template.spec), metadata.annotations?.[CONFIG_HASH_ANNOTATION]]);
    assert.equal(hashes.length, 2);
    for (const [name, hash] of hashes) assert.equal(name, `kept-kinesis-sink-${hash}`);
    await assert.rejects(cluster.patch(CONFIG_MAPS, first.metadata.name, { data: { "sink.json": "{}" } }), /immutable/);
  });

  test("a configuration that no worker has any more is deleted, and none that a ReplicaSet may still need", async () => {
    await create("pruned");
    const old = await childName(CONFIG_MAPS, "pruned");
    await cluster.patch(KINESIS_SINKS, "pruned", { spec: { config: { requestTimeout: 7000 } } });
    await eventually("another configuration", async () => assert.notEqual(await childName(CONFIG_MAPS, "pruned"), old));
    await eventually("the Deployment's controller has acted on it", async () => {
      const { metadata, status } = await child<KubeObject & Observed>(DEPLOYMENTS, "pruned");
      assert.equal(status?.observedGeneration, metadata.generation);
    });
    await pruneAfterTenMinutes(cluster, "pruned");
    assert.ok(await cluster.get(CONFIG_MAPS, old), "the new pod is not ready, so the old one stays");
    await pruneAfterTenMinutes(cluster, "pruned", { pods: () => [] });
    assert.ok(await cluster.get(CONFIG_MAPS, old), "a ReplicaSet would make such a pod again");
    await startWorkers(cluster, "pruned");
    await untilPods(cluster, "pruned", 1);
    await eventually("the old one is deleted", async () => {
      await pruneAfterTenMinutes(cluster, "pruned");
      assert.equal(await cluster.get(CONFIG_MAPS, old), undefined);
    });
    await child(CONFIG_MAPS, "pruned");
  });

  test("another log level rolls no pod: a worker gets it with the answer to its report", async () => {
    await create("level");
    const template = async () => (await child<DeploymentObject>(DEPLOYMENTS, "level")).spec.template;
    const [first, { uid }] = [await template(), (await sink(cluster, "level")).metadata];
    await cluster.patch(KINESIS_SINKS, "level", { spec: { logLevel: "debug" } });
    await eventually("the change is acted on", async () => {
      assert.equal((await sink(cluster, "level")).status.observedGeneration, 2);
    });
    assert.deepEqual(await template(), first);
    const levels: string[] = [];
    const pod = "level-kinesis-sink-x";
    const client = createKubeClient(cluster.operatorConfig, { requestTimeoutMs: 30_000 });
    const target = { namespace: cluster.namespace, name: "level", uid, pod };
    const options = {
      clock: systemClock,
      log: silentLog,
      onLogLevel: (level: string) => void levels.push(level),
      onLagTarget: () => {},
    };
    await createStatusPublisher(client, target, options)({ pod, state: "Running" }, AbortSignal.timeout(30_000));
    client.close();
    assert.deepEqual(levels, ["debug"]);
  });

  test("an inline credential stays out of the ConfigMap, and only then the worker may read its sink", async () => {
    const awsCredentialPluginParam = '{"accessKey":"AKIA-INLINE","secretKey":"inline-secret"}';
    const config = { awsKinesisStreamName: "orders", awsRegion: "us-west-2", awsCredentialPluginParam };
    await create("inline", { config, secrets: undefined });
    assert.doesNotMatch(JSON.stringify(await child(CONFIG_MAPS, "inline")), /inline-secret|AKIA/);
    const { rules } = await child<RoleObject>(ROLES, "inline");
    const read = rules.find(({ verbs }) => verbs.includes("get"));
    assert.deepEqual(read, {
      apiGroups: ["pulsar-kinesis.io"],
      resources: ["kinesissinks"],
      resourceNames: ["inline"],
      verbs: ["get"],
    });
  });

  test("a service account that the user names is used and not touched; the sink's own goes", async () => {
    await cluster.create(SERVICE_ACCOUNTS, { metadata: { name: "mine" } });
    await create("account");
    const subjects = async () =>
      (await child<RoleBindingObject>(ROLE_BINDINGS, "account")).subjects.map(({ name }) => name);
    const [old] = await untilPods(cluster, "account", 1);
    await setReady(cluster, old?.metadata.name ?? "", true);

    await cluster.patch(KINESIS_SINKS, "account", { spec: { serviceAccount: { name: "mien" } } });
    await untilCondition(cluster, "account", "Stalled", { status: "True" });
    assert.deepEqual(await subjects(), ["mien", "account-kinesis-sink"], "the old worker goes on reporting");
    assert.ok(await cluster.get(SERVICE_ACCOUNTS, "account-kinesis-sink"), "it keeps its identity");
    assert.ok(await cluster.get(PODS, old?.metadata.name ?? ""));

    await cluster.patch(KINESIS_SINKS, "account", { spec: { serviceAccount: { name: "mine" } } });
    const fresh = await eventually("a pod of the named account", async () => {
      const pods = await cluster.list<KubeObject & { spec: { serviceAccountName: string } }>(PODS);
      const found = pods.find(({ spec }) => spec.serviceAccountName === "mine");
      assert.ok(found);
      return found;
    });
    assert.ok(await cluster.get(SERVICE_ACCOUNTS, "account-kinesis-sink"), "until the old pod is gone");
    await setReady(cluster, fresh.metadata.name, true);
    await eventually("the sink's own account is gone", async () =>
      assert.equal(await cluster.get(SERVICE_ACCOUNTS, "account-kinesis-sink"), undefined),
    );
    assert.equal(await cluster.get(PODS, old?.metadata.name ?? ""), undefined);
    await eventually("the old account may report no longer", async () => assert.deepEqual(await subjects(), ["mine"]));
    const mine = await cluster.get(SERVICE_ACCOUNTS, "mine");
    assert.deepEqual([mine?.metadata.ownerReferences, mine?.metadata.labels], [undefined, undefined]);
  });

  test("deleting the sink takes everything with it", async () => {
    await create("gone");
    await cluster.remove(KINESIS_SINKS, "gone");
    await eventually("all children are gone", async () => {
      for (const type of CHILDREN) {
        const left = (await cluster.list<KubeObject>(type)).filter(({ metadata }) => metadata.name.startsWith("gone-"));
        assert.deepEqual(left, [], type.kind);
      }
    });
  });

  test("a sink that is made anew gets its objects, although the old ones are still being collected", async () => {
    await create("again");
    await cluster.remove(KINESIS_SINKS, "again");
    await cluster.create(KINESIS_SINKS, sinkManifest("again"));
    const { uid } = (await sink(cluster, "again")).metadata;
    await eventually("all children belong to the new sink", async () => {
      for (const type of CHILDREN) assert.equal(controllerOf(await child(type, "again"))?.uid, uid, type.kind);
    });
    await untilCondition(cluster, "again", "Ready", { status: "False", reason: "Unschedulable" });
    const events = await cluster.list<KubeObject & { reason: string; involvedObject: { uid: string } }>(CORE_EVENTS);
    const told = events.filter(({ involvedObject }) => involvedObject.uid === uid).map(({ reason }) => reason);
    assert.ok(!told.includes("NameConflict"), `nobody has to act: ${told.join(", ")}`);
  });
});
