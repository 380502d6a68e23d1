import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { load, loadAll } from "js-yaml";
import type { LiveSink } from "../../operator/desired/names.ts";
import type { KubeObject, OwnerReference } from "../../operator/kube/objects.ts";
import type { ApiRequest, KubeClient } from "../../runtime/kube/client.ts";
import { apiVersion, collectionPath, objectPath, type ResourceType } from "../../runtime/kube/resource-type.ts";
import { eventually, type TestCluster } from "../operator/api/cluster.ts";
import { outcome, remove } from "./api-server.ts";
import { CHART, type Manifest, type Values, withValues } from "./chart.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";
const PATIENCE_MS = 180_000;
/** The account that the tests' operator runs under. */
const ACCOUNT = "kinesis-sink-operator-under-test";

/** The chart's objects of these kinds for a release in the test's namespace, for its operator. */
export async function chartObjects(cluster: TestCluster, kinds: RegExp, values: Values = {}): Promise<Manifest[]> {
  const { namespace } = cluster;
  const args = ["template", namespace, CHART, "--namespace", namespace, "--kube-version", "1.30.0"];
  const own = { serviceAccount: { create: false, name: ACCOUNT }, crds: { enabled: false } };
  const { code, stdout, stderr } = await withValues({ ...own, ...values }, args);
  if (code !== 0) throw new Error(stderr);
  return (loadAll(stdout) as (Manifest | null)[]).filter(
    (manifest): manifest is Manifest => manifest !== null && kinds.test(manifest.kind),
  );
}

/** Applies admission policies and their bindings. Resolves with what takes them away again. */
export async function installPolicies(admin: KubeClient, objects: readonly Manifest[]): Promise<() => Promise<void>> {
  const paths: string[] = [];
  for (const object of objects) {
    const path = `${ADMISSION}/${object.kind === "ValidatingAdmissionPolicy" ? "validatingadmissionpolicies" : "validatingadmissionpolicybindings"}/${object.metadata.name}`;
    paths.push(path);
    const query = { fieldManager: "chart-tests", force: true };
    await admin.request({
      method: "PATCH",
      path,
      query,
      contentType: "application/apply-patch+yaml",
      body: load(JSON.stringify(object)),
    });
  }
  return async () => {
    for (const path of paths) await remove(admin, path);
  };
}

/** Resolves when a request that a policy forbids is refused: the API server takes a moment to learn of it. */
export async function untilRefused(client: KubeClient, request: ApiRequest, words: RegExp): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { status, message } = await outcome(client, { ...request, query: { ...request.query, dryRun: "All" } });
    if (words.test(message)) return;
    if (Date.now() > deadline) throw new Error(`the policy is not in force after 3 minutes: ${status} ${message}`);
    await delay(200);
  }
}

/** Everything that the operator may do with a sink's objects, and more: what is refused then, the policy refuses. */
export async function grantEverything(cluster: TestCluster, types: readonly ResourceType[]): Promise<void> {
  const { client, namespace } = cluster;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const metadata = { name: "everything" };
  const rules = types.map(({ group, plural }) => ({ apiGroups: [group], resources: [plural], verbs: ["*"] }));
  await client.request({ method: "POST", path: `${rbac}/roles`, body: { metadata, rules } });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name };
  const subjects = [{ kind: "ServiceAccount", name: ACCOUNT, namespace }];
  await client.request({ method: "POST", path: `${rbac}/rolebindings`, body: { metadata, roleRef, subjects } });
}

/** An object in the test's namespace, with what its kind cannot be without. */
export function object(type: ResourceType, name: string, ownerReferences?: readonly OwnerReference[]): KubeObject {
  const metadata = { name, ...(ownerReferences === undefined ? {} : { ownerReferences: [...ownerReferences] }) };
  const labels = { app: "x" };
  const pod = { metadata: { labels }, spec: { containers: [{ name: "x", image: "none.invalid/none" }] } };
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "everything" };
  const needed: Readonly<Record<string, object>> = {
    Job: { spec: { suspend: true, template: { ...pod, spec: { ...pod.spec, restartPolicy: "Never" } } } },
    Deployment: { spec: { replicas: 0, selector: { matchLabels: labels }, template: pod } },
    RoleBinding: { roleRef, subjects: [] },
    NetworkPolicy: { spec: { podSelector: { matchLabels: labels } } },
    PodDisruptionBudget: { spec: { maxUnavailable: 1, selector: { matchLabels: labels } } },
  };
  return { apiVersion: apiVersion(type), kind: type.kind, metadata, ...needed[type.kind] } as KubeObject;
}

export function owner({ metadata }: Pick<LiveSink, "metadata">, more: Partial<OwnerReference> = {}): OwnerReference {
  const { name, uid } = metadata;
  return { apiVersion: "pulsar-kinesis.io/v1alpha1", kind: "KinesisSink", name, uid, controller: true, ...more };
}

export function creation(cluster: TestCluster, type: ResourceType, body: KubeObject): ApiRequest {
  return { method: "POST", path: collectionPath(type, cluster.namespace), body };
}

/** Server-side apply, as the operator's. */
export function application(cluster: TestCluster, type: ResourceType, body: KubeObject): ApiRequest {
  return {
    method: "PATCH",
    path: objectPath(type, cluster.namespace, body.metadata.name),
    query: { fieldManager: "kinesis-sink-operator", force: true },
    contentType: "application/apply-patch+yaml",
    body,
  };
}

/** Waits until the API server has checked the types of a policy of the chart, and found nothing. */
export async function assertSoundPolicy(cluster: TestCluster, name: string): Promise<void> {
  const path = `${ADMISSION}/validatingadmissionpolicies/${cluster.namespace}-kinesis-sink-operator-${name}`;
  await eventually("the types are checked", async () => {
    const { metadata, status } = await cluster.client.request<{
      metadata: { generation: number };
      status?: { observedGeneration?: number; typeChecking?: { expressionWarnings?: unknown[] } };
    }>({ path });
    assert.equal(status?.observedGeneration, metadata.generation);
    assert.deepEqual(status?.typeChecking?.expressionWarnings ?? [], []);
  });
}
