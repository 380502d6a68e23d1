import type { ObjectMeta as SinkMeta } from "../../crds/metadata.ts";
import type { ResourceType } from "../../runtime/kube/resource-type.ts";

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Who set which fields (`meta/v1` ManagedFieldsEntry); what is read of it. */
export interface ManagedFields {
  manager?: string;
  operation?: string;
  subresource?: string;
  /** RFC 3339. */
  time?: string;
  /** A tree of `f:name` and `k:{…}`. */
  fieldsV1?: object;
}

/** Object metadata as the API's JSON has it: times are RFC 3339 text. */
export interface ObjectMeta extends SinkMeta {
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFields[];
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** A rule of a Role or ClusterRole (`rbac.authorization.k8s.io/v1`). */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export const DEPLOYMENTS: ResourceType = { group: "apps", version: "v1", plural: "deployments", kind: "Deployment" };
export const REPLICA_SETS: ResourceType = { group: "apps", version: "v1", plural: "replicasets", kind: "ReplicaSet" };
export const JOBS: ResourceType = { group: "batch", version: "v1", plural: "jobs", kind: "Job" };
export const CONFIG_MAPS: ResourceType = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };
export const SERVICE_ACCOUNTS: ResourceType = {
  group: "",
  version: "v1",
  plural: "serviceaccounts",
  kind: "ServiceAccount",
};
export const PODS: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod" };
export const CORE_EVENTS: ResourceType = { group: "", version: "v1", plural: "events", kind: "Event" };
export const EVENTS: ResourceType = { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event" };
export const LEASES: ResourceType = { group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease" };
export const NETWORK_POLICIES: ResourceType = {
  group: "networking.k8s.io",
  version: "v1",
  plural: "networkpolicies",
  kind: "NetworkPolicy",
};
export const DISRUPTION_BUDGETS: ResourceType = {
  group: "policy",
  version: "v1",
  plural: "poddisruptionbudgets",
  kind: "PodDisruptionBudget",
};
export const ROLES: ResourceType = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  plural: "roles",
  kind: "Role",
};
export const ROLE_BINDINGS: ResourceType = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  plural: "rolebindings",
  kind: "RoleBinding",
};

/** `namespace/name`, the key of an object in stores and in the work queue. */
export function objectKey(namespace: string | undefined, name: string): string {
  return `${namespace ?? ""}/${name}`;
}

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function controllerOf(object: { metadata: ObjectMeta }): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}
