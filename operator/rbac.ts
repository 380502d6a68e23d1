import { KINESIS_SINKS } from "../crds/resource.ts";
import type { PolicyRule } from "./kube/objects.ts";

const { group, plural } = KINESIS_SINKS;

/**
 * Everything that the operator may do in the namespaces it watches: the rules of its ClusterRole, or of one Role per
 * namespace. There is no verb on secrets. To grant workers their Role it holds what the Role grants (`get`,
 * `kinesissinks/status` `patch`, `get` and `patch` on a Lease), so neither `bind` nor `escalate` is needed. `update` on `kinesissinks/status` is what the
 * admission policy tells the operator by. `kinesissinks/finalizers` is for owner references where
 * OwnerReferencesPermissionEnforcement is on, `patch` on kinesissinks for the finalizer. Nothing is deleted but what a sink that
 * exists does not ask for any more (its own account, NetworkPolicy and PodDisruptionBudget), configurations that no worker has
 * any more, and the Jobs that delete subscriptions, which have no owner. The rest goes with its sink, by the owner references.
 * Such a Job is asked for while it is there, so that none is listed or watched.
 */
export const NAMESPACE_RULES: readonly PolicyRule[] = [
  { apiGroups: [group], resources: [plural], verbs: ["get", "list", "watch", "patch"] },
  { apiGroups: [group], resources: [`${plural}/status`], verbs: ["patch", "update"] },
  { apiGroups: [group], resources: [`${plural}/finalizers`], verbs: ["update"] },
  { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "watch", "create", "patch"] },
  { apiGroups: ["batch"], resources: ["jobs"], verbs: ["get", "create", "delete"] },
  { apiGroups: ["apps"], resources: ["replicasets"], verbs: ["list", "watch"] },
  { apiGroups: [""], resources: ["configmaps", "serviceaccounts"], verbs: ["get", "list", "watch", "create", "patch"] },
  { apiGroups: [""], resources: ["configmaps", "serviceaccounts"], verbs: ["delete"] },
  {
    apiGroups: ["networking.k8s.io"],
    resources: ["networkpolicies"],
    verbs: ["get", "list", "watch", "create", "patch", "delete"],
  },
  {
    apiGroups: ["policy"],
    resources: ["poddisruptionbudgets"],
    verbs: ["get", "list", "watch", "create", "patch", "delete"],
  },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "list", "watch", "create", "patch"] },
  {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["roles", "rolebindings"],
    verbs: ["get", "list", "watch", "create", "patch"],
  },
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["events"], verbs: ["list"] },
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
];

/** The rules of the operator's Role in its own namespace: the leader election's Lease. */
export const LEASE_RULES: readonly PolicyRule[] = [
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update"] },
];
