import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { FINALIZER } from "../../operator/cleanup/finalizer.ts";
import type { KubeObject } from "../../operator/kube/objects.ts";
import type { ApiRequest, KubeClient } from "../../runtime/kube/client.ts";
import { objectPath } from "../../runtime/kube/resource-type.ts";
import { type ApiServer, connect, outcome, remove, withoutApiServer } from "./api-server.ts";
import { type Manifest, render } from "./chart.ts";
import { type StatusPolicyFixture, statusPolicyFixture, untilEnforced } from "./status-policy-fixture.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const OTHER = "example.com/other";
const NAME = "sinks-kinesis-sink-operator-finalizer";

/** The policy as a release in that namespace would have it, under a name that no release has. */
async function policyOf(namespace: string, account: string): Promise<Manifest[]> {
  const found = (await render()).filter(({ metadata }) => metadata.name === NAME);
  const text = JSON.stringify(found)
    .replaceAll(
      "system:serviceaccount:kinesis:sinks-kinesis-sink-operator",
      `system:serviceaccount:${namespace}:${account}`,
    )
    .replaceAll(NAME, `${namespace}-finalizer`);
  return JSON.parse(text) as Manifest[];
}

describe("the operator's permission to patch a sink", { skip: withoutApiServer }, () => {
  let server: ApiServer;
  let fixture: StatusPolicyFixture;
  let operator: KubeClient;
  let installed: string[] = [];

  before(async () => {
    server = connect();
    fixture = await statusPolicyFixture(server);
    const { namespace } = fixture;
    const post = (path: string, body: unknown) => server.admin.request({ method: "POST", path, body });
    const own = `${RBAC}/namespaces/${namespace}`;
    const rules = [{ apiGroups: [KINESIS_SINKS.group], resources: [KINESIS_SINKS.plural], verbs: ["get", "patch"] }];
    await post(`${own}/roles`, { metadata: { name: "patch" }, rules });
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "patch" };
    const subjects = [{ kind: "ServiceAccount", name: "operator", namespace }];
    await post(`${own}/rolebindings`, { metadata: { name: "patch" }, roleRef, subjects });
    for (const object of await policyOf(namespace, "operator")) {
      const plural = `${object.kind.toLowerCase().replace(/y$/, "ie")}s`;
      await post(`${ADMISSION}/${plural}`, object);
      installed = [...installed, `${ADMISSION}/${plural}/${object.metadata.name}`];
    }
    operator = await fixture.account("operator");
    await untilEnforced(operator, merge({ spec: { replicas: 7 } }));
  });
  after(async () => {
    for (const path of installed) await remove(server.admin, path);
    await server.admin.request(merge({ metadata: { finalizers: [] } }));
    await fixture.close();
    server.close();
  });
  beforeEach(() => server.admin.request(merge({ metadata: { finalizers: [OTHER] } })));

  const path = (): string => objectPath(KINESIS_SINKS, fixture.namespace, fixture.sink);
  const merge = (body: unknown): ApiRequest => ({
    method: "PATCH",
    path: path(),
    contentType: "application/merge-patch+json",
    body,
  });
  const finalizers = async (): Promise<string[]> =>
    (await server.admin.request<KubeObject>({ path: path() })).metadata.finalizers ?? [];

  it("adds its finalizer and takes it away again", async () => {
    await operator.request(merge({ metadata: { finalizers: [OTHER, FINALIZER] } }));
    assert.deepEqual(await finalizers(), [OTHER, FINALIZER]);
    await operator.request(merge({ metadata: { finalizers: [OTHER] } }));
    assert.deepEqual(await finalizers(), [OTHER]);
  });

  for (const [what, body] of [
    ["the spec", { spec: { replicas: 7 } }],
    ["a label", { metadata: { labels: { team: "shop" } } }],
    ["an annotation", { metadata: { annotations: { note: "yes" } } }],
    ["a finalizer of another", { metadata: { finalizers: [] } }],
    ["more than its finalizer", { metadata: { finalizers: [OTHER, FINALIZER] }, spec: { paused: true } }],
  ] as const) {
    it(`changes nothing else: ${what}`, async () => {
      const { status, message } = await outcome(operator, merge(body));
      assert.equal(status, 403, message === "" ? "it is accepted" : message);
      assert.match(message, /changes nothing of a KinesisSink but its own finalizer/);
      assert.deepEqual(await finalizers(), [OTHER]);
    });
  }

  it("says nothing about anybody else", async () => {
    await server.admin.request(merge({ metadata: { labels: { team: "shop" } }, spec: { replicas: 3 } }));
  });
});
