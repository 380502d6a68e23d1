import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { ApiRequest, KubeClient } from "../../runtime/kube/client.ts";
import { objectPath } from "../../runtime/kube/resource-type.ts";
import { type ApiServer, connect, outcome, withoutApiServer } from "./api-server.ts";
import {
  applyStatus,
  entry,
  STATUS,
  type StatusPolicyFixture,
  statusPolicyFixture,
  untilEnforced,
} from "./status-policy-fixture.ts";

describe("a worker's token", { skip: withoutApiServer }, () => {
  let server: ApiServer;
  let fixture: StatusPolicyFixture;
  let worker: KubeClient;
  let operator: KubeClient;
  let me = "";
  let other = "";

  before(async () => {
    server = connect();
    fixture = await statusPolicyFixture(server);
    [me, other] = fixture.pods;
    worker = await fixture.pod(me);
    operator = await fixture.account("operator");
    await fixture.reset();
    await untilEnforced(worker, apply({ workers: [entry(other, 0)] }));
  });
  after(async () => {
    await fixture.close();
    server.close();
  });
  beforeEach(() => fixture.reset());

  function apply(status: unknown, fieldManager = me, sink = fixture.sink): ApiRequest {
    return applyStatus(fixture.namespace, sink, fieldManager, status);
  }

  function patch(contentType: string, body: unknown, fieldManager = me): ApiRequest {
    const path = objectPath(KINESIS_SINKS, fixture.namespace, fixture.sink, "status");
    return { method: "PATCH", path, query: { fieldManager }, contentType, body };
  }

  async function refused(client: KubeClient, request: ApiRequest, reason: RegExp): Promise<void> {
    const unchanged = await fixture.status();
    const { status, message } = await outcome(client, request);
    assert.equal(status, 403, message === "" ? "it is accepted" : message);
    assert.match(message, reason);
    assert.deepEqual(await fixture.status(), unchanged);
  }

  const OWN_ENTRY = /may change only its own entry/;
  const BY_APPLY = /by server-side apply of its own entry alone/;
  const OWN_POD = /with its own pod's token, to its own sink/;

  it("may report into its own entry, and nothing else changes", async () => {
    await worker.request(apply({ workers: [entry(me, 2)] }));
    assert.deepEqual(await fixture.status(), { ...STATUS, workers: [entry(me, 2), entry(other, 1)] });
  });

  it("may report again and again", async () => {
    await worker.request(apply({ workers: [entry(me, 2)] }));
    await worker.request(apply({ workers: [entry(me, 3)] }));
    assert.deepEqual((await fixture.status())["workers"], [entry(me, 3), entry(other, 1)]);
  });

  it("may report into a status that is still empty", async () => {
    const pod = `payments-kinesis-sink-5c9-${"d".repeat(5)}`;
    const client = await fixture.pod(pod);
    await client.request(apply({ workers: [entry(pod, 1)] }, pod, "payments"));
  });

  it("cannot change another pod's entry", async () => {
    await refused(worker, apply({ workers: [entry(me, 2), entry(other, 2)] }), OWN_ENTRY);
    await refused(worker, apply({ workers: [entry(other, 2)] }), OWN_ENTRY);
  });

  it("cannot add an entry of a pod that does not report", async () => {
    await refused(worker, apply({ workers: [entry(`${fixture.sink}-kinesis-sink-x`, 1)] }), OWN_ENTRY);
  });

  it("cannot become a co-owner of another pod's entry by repeating it", async () => {
    await refused(worker, apply({ workers: [entry(me, 2), entry(other, 1)] }), BY_APPLY);
  });

  it("cannot become a co-owner of the conditions by repeating them", async () => {
    await refused(worker, apply({ conditions: STATUS.conditions, workers: [entry(me, 2)] }), BY_APPLY);
  });

  for (const [field, value] of Object.entries({
    conditions: [{ ...STATUS.conditions[0], status: "True" }],
    observedGeneration: 7,
    replicas: 5,
    readyReplicas: 5,
    selector: "app=x",
    totals: { ratePerSecond: 99 },
    ignoredProperties: ["spec.config.minConnections"],
  })) {
    it(`cannot change ${field}`, async () => {
      await refused(worker, apply({ [field]: value, workers: [entry(me, 2)] }), OWN_ENTRY);
    });
  }

  it("cannot report under another field manager", async () => {
    for (const manager of [other, "kinesis-sink-operator"]) {
      await refused(worker, apply({ workers: [entry(me, 2)] }, manager), BY_APPLY);
    }
  });

  it("cannot write by another kind of patch", async () => {
    const workers = [entry(me, 2), entry(other, 1)];
    await refused(worker, patch("application/merge-patch+json", { status: { workers } }), BY_APPLY);
    const operations = [{ op: "replace", path: "/status/workers/0/delivered", value: 2 }];
    await refused(worker, patch("application/json-patch+json", operations), BY_APPLY);
  });

  it("cannot remove what others have written", async () => {
    for (const path of ["/status", "/status/workers", "/status/workers/1", "/status/conditions", "/status/totals"]) {
      await refused(worker, patch("application/json-patch+json", [{ op: "remove", path }]), OWN_ENTRY);
    }
  });

  it("cannot change which fields belong to others", async () => {
    await worker.request(apply({ workers: [entry(me, 2)] }));
    const managers = await fixture.managedFields();
    const mine = managers.filter(({ manager }) => manager === me);
    const forged = { ...managers.find(({ manager }) => manager !== me), manager: "kubectl" };
    const mineAlone = managers.map((each) => ({ ...each, manager: me }));
    for (const value of [[{}], mine, [...managers, forged], mineAlone]) {
      const forge = { op: "replace", path: "/metadata/managedFields", value };
      // Alone it is accepted and without effect: the API server takes no metadata from a write of the status.
      await worker.request(patch("application/json-patch+json", [forge]));
      assert.deepEqual(await fixture.managedFields(), managers);
      const report = { op: "replace", path: "/status/workers/0/delivered", value: 3 };
      await refused(worker, patch("application/json-patch+json", [forge, report]), BY_APPLY);
    }
  });

  it("cannot report without its pod", async () => {
    const client = await fixture.account(`${fixture.sink}-kinesis-sink`);
    await refused(client, apply({ workers: [entry(me, 2)] }), OWN_POD);
  });

  it("cannot report to another sink, though the account may", async () => {
    await refused(worker, apply({ workers: [entry(me, 1)] }, me, "payments"), OWN_POD);
  });

  it("cannot report from a pod that is not named as the sink's workers are", async () => {
    for (const name of [`${fixture.sink}-other`, "kinesis-sink"]) {
      await refused(await fixture.pod(name), apply({ workers: [entry(name, 1)] }, name), OWN_POD);
    }
  });

  it("cannot replace the status, change the spec, or read Secrets and sinks", async () => {
    const path = objectPath(KINESIS_SINKS, fixture.namespace, fixture.sink);
    const requests: ApiRequest[] = [
      { method: "PUT", path: `${path}/status`, body: {} },
      { method: "PATCH", path, contentType: "application/merge-patch+json", body: { spec: { replicas: 2 } } },
      { path },
      { path: `/api/v1/namespaces/${fixture.namespace}/secrets` },
      { path: `/api/v1/namespaces/${fixture.namespace}/secrets/aws` },
    ];
    for (const request of requests) await refused(worker, request, /is forbidden|forbidden:/);
  });

  it("is told from the operator's, which may write everything", async () => {
    const conditions = [{ ...STATUS.conditions[0], status: "True" }];
    await operator.request(apply({ conditions, replicas: 3 }, "kinesis-sink-operator"));
    const operations = [
      { op: "test", path: "/status/workers/0/pod", value: me },
      { op: "remove", path: "/status/workers/0" },
    ];
    await operator.request(patch("application/json-patch+json", operations, "kinesis-sink-operator"));
    const status = await fixture.status();
    assert.deepEqual(status, { ...STATUS, conditions, replicas: 3, workers: [entry(other, 1)] });
  });

  it("is told from an administrator's, who may repair a status", async () => {
    await server.admin.request(patch("application/merge-patch+json", { status: { replicas: 0 } }, "kubectl"));
    assert.equal((await fixture.status())["replicas"], 0);
  });
});
