import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node";
import { load } from "js-yaml";
import type { StructuralSchema } from "../../../crds/json-schema.ts";
import { KINESIS_SINKS } from "../../../crds/resource.ts";
import type { KubeObject } from "../../../operator/kube/objects.ts";
import { LEASE_RULES, NAMESPACE_RULES } from "../../../operator/rbac.ts";
import { createKubeClient, type KubeClient } from "../../../runtime/kube/client.ts";
import { isNotFound } from "../../../runtime/kube/errors.ts";
import { apiVersion, collectionPath, objectPath, type ResourceType } from "../../../runtime/kube/resource-type.ts";
import { stopOtherOperators } from "./other-operators.ts";

/** Why these tests cannot run, for `node:test`; false when they can. */
export const skip: string | false = process.env["KUBECONFIG"]
  ? false
  : "KUBECONFIG is not set: `make test-e2e` starts a cluster and sets it";

const CRD = join(import.meta.dirname, "../../../crds/kinesissinks.yaml");
const CRDS = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${KINESIS_SINKS.plural}.${KINESIS_SINKS.group}`;
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const OPERATOR = "kinesis-sink-operator-under-test";

/** An administrator's view of the real cluster, and a namespace that is this suite's own. */
export interface TestCluster {
  readonly client: KubeClient;
  readonly namespace: string;
  /** The operator's own access: a service account with exactly the rights that operator/rbac.ts lists. */
  readonly operatorConfig: KubeConfig;
  get<T extends KubeObject>(type: ResourceType, name: string): Promise<T | undefined>;
  list<T extends KubeObject>(type: ResourceType): Promise<T[]>;
  create(type: ResourceType, object: KubeObject): Promise<KubeObject>;
  /** JSON merge patch, as somebody who edits an object by hand. */
  patch(type: ResourceType, name: string, body: unknown, subresource?: "status"): Promise<void>;
  remove(type: ResourceType, name: string): Promise<void>;
}

export interface OpenCluster extends TestCluster {
  close(): Promise<void>;
}

/** Installs the definition, stops operators that are installed, and makes a namespace. */
export async function openCluster(): Promise<OpenCluster> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const client = createKubeClient(config, { userAgent: "operator-tests", requestTimeoutMs: 30_000 });
  await installDefinition(client);
  const startOtherOperators = await stopOtherOperators(client);
  const namespace = `operator-${Math.random().toString(36).slice(2, 8)}`;
  await client.request({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name: namespace } } });
  const operatorConfig = await operatorAccess(client, config, namespace);
  return {
    client,
    namespace,
    operatorConfig,
    get: async <T>(type: ResourceType, name: string) => {
      try {
        return await client.request<T>({ path: objectPath(type, namespace, name) });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    list: async <T>(type: ResourceType) =>
      (await client.request<{ items: T[] }>({ path: collectionPath(type, namespace) })).items,
    create: (type, object) =>
      client.request<KubeObject>({
        method: "POST",
        path: collectionPath(type, namespace),
        body: { apiVersion: apiVersion(type), kind: type.kind, ...object },
      }),
    patch: async (type, name, body, subresource) => {
      const path = objectPath(type, namespace, name, subresource);
      await client.request({ method: "PATCH", path, contentType: "application/merge-patch+json", body });
    },
    remove: async (type, name) => {
      await client.request({ method: "DELETE", path: objectPath(type, namespace, name) });
    },
    close: async () => {
      await client.request({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` });
      await client.request({ method: "DELETE", path: `${RBAC}/clusterroles/${namespace}` });
      await startOtherOperators();
      client.close();
    },
  };
}

/** A CustomResourceDefinition, as far as tests change it. */
export interface Definition {
  readonly spec: { readonly versions: [{ readonly schema: { readonly openAPIV3Schema: StructuralSchema } }] };
}

/** Applies the definition, or one of another version of this program, and waits until the server serves the resource. */
export async function installDefinition(
  client: KubeClient,
  change: (definition: Definition) => void = () => {},
): Promise<void> {
  const definition = load(readFileSync(CRD, "utf8")) as Definition;
  change(definition);
  await client.request({
    method: "PATCH",
    path: CRDS,
    query: { fieldManager: "operator-tests", force: true },
    contentType: "application/apply-patch+yaml",
    body: definition,
  });
  await eventually("the definition is served", () =>
    client.request({ path: collectionPath(KINESIS_SINKS), query: { limit: 1 } }),
  );
}

async function operatorAccess(client: KubeClient, admin: KubeConfig, namespace: string): Promise<KubeConfig> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const rules = [...NAMESPACE_RULES, ...LEASE_RULES];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: namespace };
  const subjects = [{ kind: "ServiceAccount", name: OPERATOR, namespace }];
  const metadata = { name: namespace };
  await client.request({ method: "POST", path: accounts, body: { metadata: { name: OPERATOR } } });
  await client.request({ method: "POST", path: `${RBAC}/clusterroles`, body: { metadata, rules } });
  const bindings = `${RBAC}/namespaces/${namespace}/rolebindings`;
  await client.request({ method: "POST", path: bindings, body: { metadata, roleRef, subjects } });
  const { status } = await client.request<{ status: { token: string } }>({
    method: "POST",
    path: `${accounts}/${OPERATOR}/token`,
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } },
  });
  const cluster = admin.getCurrentCluster();
  assert.ok(cluster);
  const config = new KubeConfig();
  config.loadFromClusterAndUser(cluster, { name: OPERATOR, token: status.token });
  return config;
}

/** Tries until it neither throws nor takes longer than allowed; the last failure is the test's. */
export async function eventually<T>(what: string, attempt: () => T | Promise<T>, timeoutMs = 180_000): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw new Error(`not in ${timeoutMs} ms: ${what}`, { cause: error });
      await delay(100);
    }
  }
}
