import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { handoverLeasePath } from "../../crds/handover-lease.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { ConfigMapObject } from "../../operator/desired/config-map.ts";
import type { DeploymentObject } from "../../operator/desired/deployment.ts";
import type { RoleObject } from "../../operator/desired/role.ts";
import type { RoleBindingObject } from "../../operator/desired/role-binding.ts";
import {
  CONFIG_MAPS,
  CORE_EVENTS,
  controllerOf,
  DEPLOYMENTS,
  type KubeObject,
  LEASES,
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
import { useOperator } from "./api/fixture.ts";
import { sink, sinkManifest, untilCondition } from "./api/sinks.ts";

const CHILDREN = [SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, LEASES, CONFIG_MAPS, DEPLOYMENTS];

describe("the objects of a sink on a real API server", { skip }, () => {
  const cluster = useOperator();

  const child = async <T extends KubeObject>(type: (typeof CHILDREN)[number], name: string): Promise<T> => {
    const found = await cluster.get<T>(type, `${name}-kinesis-sink`);
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
    await cluster.remove(CONFIG_MAPS, name);
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
    const name = "label-kinesis-sink";
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

  test("another log level rolls no pod: a worker gets it with the answer to its report", async () => {
    await create("level");
    const template = async () => (await child<DeploymentObject>(DEPLOYMENTS, "level")).spec.template;
    const [first, { uid }] = [await template(), (await sink(cluster, "level")).metadata];
    await cluster.patch(KINESIS_SINKS, "level", { spec: { logLevel: "debug" } });
    await eventually("pods that start from now on have it", async () => {
      const { data } = await child<ConfigMapObject>(CONFIG_MAPS, "level");
      assert.equal(JSON.parse(data["sink.json"] ?? "").spec.logLevel, "debug");
    });
    await eventually("the change is acted on", async () => {
      assert.equal((await sink(cluster, "level")).status.observedGeneration, 2);
    });
    assert.deepEqual(await template(), first);
    const levels: string[] = [];
    const pod = "level-kinesis-sink-x";
    const client = createKubeClient(cluster.operatorConfig, { requestTimeoutMs: 30_000 });
    const target = { namespace: cluster.namespace, name: "level", uid, pod };
    const options = { clock: systemClock, log: silentLog, onLogLevel: (level: string) => void levels.push(level) };
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
    await cluster.patch(KINESIS_SINKS, "account", { spec: { serviceAccount: { name: "mine" } } });
    await eventually("the sink's own account is gone", async () =>
      assert.equal(await cluster.get(SERVICE_ACCOUNTS, "account-kinesis-sink"), undefined),
    );
    const { subjects } = await child<RoleBindingObject>(ROLE_BINDINGS, "account");
    assert.deepEqual(
      subjects.map(({ name }) => name),
      ["mine"],
    );
    const mine = await cluster.get(SERVICE_ACCOUNTS, "mine");
    assert.deepEqual([mine?.metadata.ownerReferences, mine?.metadata.labels], [undefined, undefined]);
  });

  test("deleting the sink takes everything with it", async () => {
    await create("gone");
    await cluster.remove(KINESIS_SINKS, "gone");
    await eventually("all children are gone", async () => {
      for (const type of CHILDREN) assert.equal(await cluster.get(type, "gone-kinesis-sink"), undefined, type.kind);
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
