import { setTimeout as delay } from "node:timers/promises";
import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { childName, type LiveSink } from "../../operator/desired/names.ts";
import { role } from "../../operator/desired/role.ts";
import { PODS, SERVICE_ACCOUNTS } from "../../operator/kube/objects.ts";
import type { ApiRequest, KubeClient } from "../../runtime/kube/client.ts";
import { collectionPath, objectPath } from "../../runtime/kube/resource-type.ts";
import { type ApiServer, outcome, refuseRunningOperator, remove } from "./api-server.ts";
import { type Manifest, render } from "./chart.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const CLUSTER_PATHS: Readonly<Record<string, string>> = {
  CustomResourceDefinition: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
  ValidatingAdmissionPolicy: "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
  ValidatingAdmissionPolicyBinding: "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
};
const PATIENCE_MS = 180_000;

/** A sink with workers as the operator makes them, but for their containers: only their tokens matter here. */
export interface StatusPolicyFixture {
  readonly namespace: string;
  readonly sink: string;
  /** Names of two pods of the sink's workers. */
  readonly pods: readonly [string, string];
  /** A client with the token of a new pod of this name and account. */
  pod(name: string, serviceAccount?: string): Promise<KubeClient>;
  /** A client with a token of the account that was issued to no pod. */
  account(name: string): Promise<KubeClient>;
  /** Puts the status as it is at the start of every test: conditions, totals, and an entry of each of the two pods. */
  reset(): Promise<void>;
  status(): Promise<Record<string, unknown>>;
  managedFields(): Promise<ManagedFields[]>;
  close(): Promise<void>;
}

export interface ManagedFields {
  readonly manager: string;
  readonly operation: string;
  readonly [field: string]: unknown;
}

/** Sets up the definition, the policy, a sink and the permissions of its workers and of an operator in a new namespace. */
export async function statusPolicyFixture(server: ApiServer): Promise<StatusPolicyFixture> {
  const { admin } = server;
  const namespace = `status-policy-${Math.random().toString(36).slice(2, 10)}`;
  const sink = "orders";
  const pods = [`${sink}-kinesis-sink-6f7d9-aaaaa`, `${sink}-kinesis-sink-6f7d9-bbbbb`] as const;
  const post = <T>(path: string, body: unknown) => admin.request<T>({ method: "POST", path, body });

  await refuseRunningOperator(admin);
  const installed = await install(admin);
  await post("/api/v1/namespaces", { metadata: { name: namespace } });
  const live = await untilServed(() => post<LiveSink>(collectionPath(KINESIS_SINKS, namespace), manifest(sink)));
  const other = await post<LiveSink>(collectionPath(KINESIS_SINKS, namespace), manifest("payments"));

  // Workers of both sinks run under one account, so that RBAC alone would let them write to each other's.
  await post(collectionPath(SERVICE_ACCOUNTS, namespace), { metadata: { name: childName(live) } });
  await grant(admin, namespace, childName(live), [...role(live).rules, ...role(other).rules]);
  await post(collectionPath(SERVICE_ACCOUNTS, namespace), { metadata: { name: "operator" } });
  await grant(admin, namespace, "operator", [
    { apiGroups: ["pulsar-kinesis.io"], resources: ["kinesissinks/status"], verbs: ["patch", "update"] },
  ]);

  const token = async (account: string, boundObjectRef?: unknown): Promise<string> => {
    const path = `${objectPath(SERVICE_ACCOUNTS, namespace, account)}/token`;
    const spec = boundObjectRef === undefined ? {} : { boundObjectRef };
    return (await post<{ status: { token: string } }>(path, { spec })).status.token;
  };
  const fixture: StatusPolicyFixture = {
    namespace,
    sink,
    pods,
    pod: async (name, serviceAccount = childName(live)) => {
      const spec = { serviceAccountName: serviceAccount, containers: [{ name: "worker", image: "none.invalid/none" }] };
      const created = await post<{ metadata: { uid: string } }>(collectionPath(PODS, namespace), {
        metadata: { name },
        spec,
      });
      return server.as(await token(serviceAccount, { kind: "Pod", apiVersion: "v1", name, uid: created.metadata.uid }));
    },
    account: async (name) => server.as(await token(name)),
    reset: async () => {
      const path = objectPath(KINESIS_SINKS, namespace, sink, "status");
      const present = await admin.request<KinesisSink>({ path });
      const workers = pods.map((pod) => entry(pod, 1));
      await admin.request({ method: "PUT", path, body: { ...present, status: { ...STATUS, workers } } });
    },
    status: async () => {
      const path = objectPath(KINESIS_SINKS, namespace, sink, "status");
      return (await admin.request<{ status: Record<string, unknown> }>({ path })).status;
    },
    managedFields: async () => {
      const path = objectPath(KINESIS_SINKS, namespace, sink);
      return (await admin.request<{ metadata: { managedFields: ManagedFields[] } }>({ path })).metadata.managedFields;
    },
    close: async () => {
      await remove(admin, `/api/v1/namespaces/${namespace}`);
      for (const path of installed) await remove(admin, path);
    },
  };
  return fixture;
}

/** The status that the operator wrote before the tests. */
export const STATUS = {
  observedGeneration: 1,
  replicas: 2,
  readyReplicas: 1,
  totals: { ratePerSecond: 10 },
  conditions: [
    {
      type: "Ready",
      status: "False",
      reason: "Starting",
      message: "m",
      lastTransitionTime: "2026-01-01T00:00:00Z",
      observedGeneration: 1,
    },
  ],
};

/** A worker's entry. */
export function entry(pod: string, delivered: number): Record<string, unknown> {
  return { pod, state: "Running", delivered };
}

/** A server-side apply of a status, as a worker reports. */
export function applyStatus(namespace: string, sink: string, fieldManager: string, status: unknown): ApiRequest {
  return {
    method: "PATCH",
    path: objectPath(KINESIS_SINKS, namespace, sink, "status"),
    query: { fieldManager, force: true },
    contentType: "application/apply-patch+yaml",
    body: { apiVersion: "pulsar-kinesis.io/v1alpha1", kind: "KinesisSink", metadata: { name: sink }, status },
  };
}

/** Resolves when the policy is in force: the API server takes a moment to learn of it. */
export async function untilEnforced(client: KubeClient, request: ApiRequest): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  const dryRun = { ...request, query: { ...request.query, dryRun: "All" } };
  for (;;) {
    const { status, message } = await outcome(client, dryRun);
    if (status === 403 && message.includes("ValidatingAdmissionPolicy")) return;
    if (Date.now() > deadline) throw new Error(`the policy is not in force after 3 minutes: ${status} ${message}`);
    await delay(200);
  }
}

/** Applies the chart's definition and policy. Resolves with the paths of what was not there before. */
async function install(admin: KubeClient): Promise<string[]> {
  const created: string[] = [];
  for (const object of await render()) {
    const collection = CLUSTER_PATHS[object.kind];
    if (collection === undefined) continue;
    const path = `${collection}/${object.metadata.name}`;
    if ((await outcome(admin, { path })).status === 404) created.unshift(path);
    const query = { fieldManager: "chart-tests", force: true };
    await admin.request<Manifest>({
      method: "PATCH",
      path,
      query,
      contentType: "application/apply-patch+yaml",
      body: object,
    });
  }
  return created;
}

async function grant(admin: KubeClient, namespace: string, account: string, rules: readonly unknown[]): Promise<void> {
  const own = `${RBAC}/namespaces/${namespace}`;
  const metadata = { name: account };
  await admin.request({ method: "POST", path: `${own}/roles`, body: { metadata, rules } });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: account };
  const subjects = [{ kind: "ServiceAccount", name: account, namespace }];
  await admin.request({ method: "POST", path: `${own}/rolebindings`, body: { metadata, roleRef, subjects } });
}

/** A definition that was created a moment ago is not served yet. */
async function untilServed<T>(create: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await create();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(200);
    }
  }
}

function manifest(name: string): unknown {
  return {
    apiVersion: "pulsar-kinesis.io/v1alpha1",
    kind: "KinesisSink",
    metadata: { name },
    spec: {
      config: { awsKinesisStreamName: name, awsRegion: "us-west-2" },
      secrets: { awsCredentialPluginParam: { name: "aws", key: "credentials" } },
      pulsar: {
        serviceUrl: "pulsar://pulsar.example:6650",
        topics: [`persistent://public/default/${name}`],
        subscription: { name },
      },
    },
  };
}
