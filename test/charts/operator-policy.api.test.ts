import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { FINALIZER } from "../../operator/cleanup/finalizer.ts";
import { CHILD_TYPES } from "../../operator/desired/children.ts";
import type { DeploymentObject } from "../../operator/desired/deployment.ts";
import type { LiveSink } from "../../operator/desired/names.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  EVENTS,
  type KubeObject,
  LEASES,
  SERVICE_ACCOUNTS,
} from "../../operator/kube/objects.ts";
import { type ApiRequest, createKubeClient, type KubeClient } from "../../runtime/kube/client.ts";
import { objectPath, type ResourceType } from "../../runtime/kube/resource-type.ts";
import { eventually, skip } from "../operator/api/cluster.ts";
import { useCluster } from "../operator/api/fixture.ts";
import { type RunningOperator, runOperator } from "../operator/api/operator.ts";
import { condition, setReady, sinkManifest, untilCondition, untilPods } from "../operator/api/sinks.ts";
import { outcome } from "./api-server.ts";
import {
  application,
  assertSoundPolicy,
  chartObjects,
  creation,
  grantEverything,
  installPolicies,
  object,
  owner,
  untilRefused,
} from "./operator-policy-fixture.ts";

const KINDS = [...new Set([...CHILD_TYPES, LEASES])];
const JOBS: ResourceType = { group: "batch", version: "v1", plural: "jobs", kind: "Job" };
const ITS_OWN = /may touch only what is named after a KinesisSink and controlled by it/;

/** An Event as the operator writes them. */
function told(namespace: string): KubeObject & Record<string, unknown> {
  return {
    ...object(EVENTS, "told"),
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingController: "kinesis-sink-operator",
    reportingInstance: "operator-0",
    type: "Normal",
    reason: "Told",
    action: "Tell",
    note: "told",
    regarding: { apiVersion: "pulsar-kinesis.io/v1alpha1", kind: "KinesisSink", name: "orders", namespace },
  };
}

/** One in the name of another, and sound but for that: what is not sound no policy gets to see. */
function forged(namespace: string): KubeObject {
  return { ...told(namespace), reportingController: "kubelet" } as KubeObject;
}

describe("the operator's token", { skip }, () => {
  const cluster = useCluster();
  let operator: KubeClient;
  let uninstall: () => Promise<void> = async () => {};
  let orders: LiveSink;

  before(async () => {
    await grantEverything(cluster, [...KINDS, JOBS, EVENTS, KINESIS_SINKS]);
    operator = createKubeClient(cluster.operatorConfig, { userAgent: "operator", requestTimeoutMs: 30_000 });
    const policies = await chartObjects(cluster, /^ValidatingAdmissionPolicy/);
    uninstall = await installPolicies(
      cluster.client,
      policies.filter(({ metadata }) => /-(children|records)$/.test(metadata.name)),
    );
    orders = (await cluster.create(KINESIS_SINKS, sinkManifest("orders", { replicas: 0 }))) as LiveSink;
    await untilRefused(operator, creation(cluster, CONFIG_MAPS, object(CONFIG_MAPS, "any")), ITS_OWN);
    await untilRefused(operator, creation(cluster, EVENTS, forged(cluster.namespace)), /no Events but its own/);
  });
  after(async () => {
    await uninstall();
    operator.close();
  });

  async function refused(request: ApiRequest, reason: RegExp): Promise<void> {
    const { status, message } = await outcome(operator, request);
    assert.equal(status, 403, message === "" ? `it is accepted: ${request.method} ${request.path}` : message);
    assert.match(message, reason);
  }

  for (const type of KINDS) {
    it(`makes, changes and deletes a ${type.kind} of a sink alone`, async () => {
      const mine = [owner(orders)];
      await refused(creation(cluster, type, object(type, "orders-kinesis-sink")), ITS_OWN);
      await refused(creation(cluster, type, object(type, "orders", mine)), ITS_OWN);
      await refused(creation(cluster, type, object(type, "payments-kinesis-sink", mine)), ITS_OWN);
      for (const other of [{ controller: false }, { kind: "Other" }, { apiVersion: "other.io/v1" }]) {
        await refused(creation(cluster, type, object(type, "orders-kinesis-sink", [owner(orders, other)])), ITS_OWN);
      }
      const child = object(type, "orders-kinesis-sink-1", mine);
      await operator.request(creation(cluster, type, child));
      await operator.request(
        application(cluster, type, { ...child, metadata: { ...child.metadata, labels: { a: "b" } } }),
      );
      const path = objectPath(type, cluster.namespace, child.metadata.name);
      await refused(
        {
          method: "PATCH",
          path,
          contentType: "application/merge-patch+json",
          body: { metadata: { ownerReferences: null } },
        },
        ITS_OWN,
      );
      await operator.request({ method: "DELETE", path });
    });

    it(`leaves a ${type.kind} of others, whatever it is called`, async () => {
      const theirs = object(type, "taken-kinesis-sink");
      await cluster.client.request(creation(cluster, type, theirs));
      const path = objectPath(type, cluster.namespace, theirs.metadata.name);
      const taken = { metadata: { name: "taken", uid: orders.metadata.uid } } as LiveSink;
      await refused(application(cluster, type, object(type, theirs.metadata.name, [owner(taken)])), ITS_OWN);
      const body = { metadata: { labels: { a: "b" } } };
      await refused({ method: "PATCH", path, contentType: "application/merge-patch+json", body }, ITS_OWN);
      await refused({ method: "DELETE", path }, ITS_OWN);
      assert.deepEqual((await cluster.get(type, theirs.metadata.name))?.metadata.ownerReferences, undefined);
      await cluster.remove(type, theirs.metadata.name);
    });
  }

  it("makes no pods that reach into their node", async () => {
    const made = object(DEPLOYMENTS, "orders-kinesis-sink", [owner(orders)]) as DeploymentObject;
    const { spec } = made.spec.template;
    assert.ok(spec);
    const containers = [{ name: "x", image: "x", securityContext: { privileged: true } }];
    for (const reach of [
      { hostNetwork: true },
      { hostPID: true },
      { hostIPC: true },
      { volumes: [{ name: "host", hostPath: { path: "/" } }] },
      { containers },
      { initContainers: containers.map((container) => ({ ...container, name: "first" })) },
    ]) {
      const template = { ...made.spec.template, spec: { ...spec, ...reach } };
      const body = { ...made, spec: { ...made.spec, template } } as KubeObject;
      await refused(creation(cluster, DEPLOYMENTS, body), /no pods that reach into their node/);
    }
  });

  it("writes the Lease by which it is elected, which no sink controls", async () => {
    const name = `${cluster.namespace}-kinesis-sink-operator`;
    await operator.request(creation(cluster, LEASES, object(LEASES, name)));
    await refused(creation(cluster, LEASES, object(LEASES, "kube-scheduler")), ITS_OWN);
  });

  it("makes and deletes Jobs of a sink, which outlive it and so have no owner, and no others", async () => {
    const job = (name: string, labels: Record<string, string>, more: object = {}) => {
      const made = object(JOBS, name);
      return creation(cluster, JOBS, { ...made, metadata: { ...made.metadata, labels, ...more } });
    };
    const ours = { "pulsar-kinesis.io/sink": "orders" };
    await refused(job("orders-kinesis-sink-1", {}), ITS_OWN);
    await refused(job("payments-kinesis-sink-1", ours), ITS_OWN);
    await refused(job("orders-kinesis-sink-1", ours, { ownerReferences: [owner(orders)] }), ITS_OWN);
    await operator.request(job("orders-kinesis-sink-1", ours));
    await operator.request({ method: "DELETE", path: objectPath(JOBS, cluster.namespace, "orders-kinesis-sink-1") });
    await cluster.client.request(job("backup", {}));
    await refused({ method: "DELETE", path: objectPath(JOBS, cluster.namespace, "backup") }, ITS_OWN);
  });

  it("writes no Event about others, or in the name of others", async () => {
    const event = told(cluster.namespace);
    const regarding = { apiVersion: "v1", kind: "Pod", name: "orders", namespace: cluster.namespace };
    await refused(creation(cluster, EVENTS, { ...event, regarding } as KubeObject), /no Events but its own/);
    await refused(creation(cluster, EVENTS, forged(cluster.namespace)), /no Events but its own/);
    await operator.request(creation(cluster, EVENTS, event));
  });

  it("changes no more of a sink than its status and its own finalizer", async () => {
    const path = objectPath(KINESIS_SINKS, cluster.namespace, "orders");
    const patch = (body: unknown) =>
      ({ method: "PATCH", path, contentType: "application/merge-patch+json", body }) satisfies ApiRequest;
    const words = /no more of a KinesisSink than its status and its own finalizer/;
    await refused(patch({ spec: { replicas: 1 } }), words);
    await refused(patch({ metadata: { labels: { a: "b" } } }), words);
    await refused(patch({ metadata: { annotations: { a: "b" } } }), words);
    await refused({ method: "DELETE", path }, words);
    await refused(creation(cluster, KINESIS_SINKS, { ...object(KINESIS_SINKS, "new"), ...sinkManifest("new") }), words);
    await refused(patch({ metadata: { finalizers: ["pulsar-kinesis.io/test"] } }), words);
    await refused(patch({ metadata: { finalizers: [FINALIZER] }, spec: { paused: true } }), words);
    await cluster.patch(KINESIS_SINKS, "orders", { metadata: { finalizers: ["example.com/other"] } });
    await operator.request(patch({ metadata: { finalizers: ["example.com/other", FINALIZER] } }));
    await refused(patch({ metadata: { finalizers: [FINALIZER] } }), words);
    await operator.request(patch({ metadata: { finalizers: ["example.com/other"] } }));
    await cluster.patch(KINESIS_SINKS, "orders", { metadata: { finalizers: [] } });
  });

  it("is confined by policies without a doubtful expression", async () => {
    for (const name of ["children", "records"]) await assertSoundPolicy(cluster, name);
  });

  describe("in an operator's hands", () => {
    let running: RunningOperator;
    before(() => {
      const lease = `${cluster.namespace}-kinesis-sink-operator`;
      running = runOperator(cluster, { LEADER_ELECTION: "true", LEADER_ELECTION_LEASE_NAME: lease });
    });
    after(() => running.stop());

    it("suffices for the whole life of a sink", async () => {
      await cluster.create(KINESIS_SINKS, sinkManifest("whole"));
      const [pod] = await untilPods(cluster, "whole", 1);
      await setReady(cluster, pod?.metadata.name ?? "", true);
      await untilCondition(cluster, "whole", "Ready", { status: "True" });
      await cluster.patch(KINESIS_SINKS, "whole", { spec: { replicas: 2 } });
      await untilPods(cluster, "whole", 2);
      await cluster.patch(KINESIS_SINKS, "whole", { spec: { serviceAccount: { annotations: { a: "b" } } } });
      await eventually("the account is annotated", async () =>
        assert.equal((await cluster.get(SERVICE_ACCOUNTS, "whole-kinesis-sink"))?.metadata.annotations?.["a"], "b"),
      );
      await cluster.patch(KINESIS_SINKS, "whole", { spec: { paused: true } });
      await untilCondition(cluster, "whole", "Paused", { status: "True" });
      await cluster.create(SERVICE_ACCOUNTS, { metadata: { name: "named" } });
      await cluster.patch(KINESIS_SINKS, "whole", { spec: { serviceAccount: { name: "named", annotations: null } } });
      await eventually("its own account is gone", async () =>
        assert.equal(await cluster.get(SERVICE_ACCOUNTS, "whole-kinesis-sink"), undefined),
      );
      assert.equal((await condition(cluster, "whole", "Stalled"))?.message, undefined);
      const events = await cluster.list<KubeObject & { regarding: { name: string } }>(EVENTS);
      assert.ok(events.some(({ regarding }) => regarding.name === "whole"));
      await cluster.remove(KINESIS_SINKS, "whole");
      await eventually("all of it is gone", async () => {
        for (const type of CHILD_TYPES)
          assert.equal(await cluster.get(type, "whole-kinesis-sink"), undefined, type.kind);
      });
    });

    it("leaves the object that has a child's name, and says so", async () => {
      await cluster.create(SERVICE_ACCOUNTS, { metadata: { name: "foreign-kinesis-sink" } });
      await cluster.create(KINESIS_SINKS, sinkManifest("foreign"));
      await untilCondition(cluster, "foreign", "Stalled", { status: "True", reason: "NameConflict" });
    });
  });
});
