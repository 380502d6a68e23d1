import type { ResourceType } from "../../runtime/kube/resource-type.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  DISRUPTION_BUDGETS,
  type KubeObject,
  LEASES,
  NETWORK_POLICIES,
  ROLE_BINDINGS,
  ROLES,
  SERVICE_ACCOUNTS,
} from "../kube/objects.ts";
import { configMap, workerConfig } from "./config-map.ts";
import { deployment } from "./deployment.ts";
import { disruptionBudget, networkPolicy } from "./guards.ts";
import { lease } from "./lease.ts";
import type { LiveSink } from "./names.ts";
import { role } from "./role.ts";
import { roleBinding } from "./role-binding.ts";
import { serviceAccount } from "./service-account.ts";
import type { WorkerDefaults } from "./worker-defaults.ts";

/** The kinds of a sink's children, in the order in which they are applied: what a pod needs comes before it. */
export const CHILD_TYPES: readonly ResourceType[] = [
  ...[SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, LEASES, CONFIG_MAPS],
  ...[NETWORK_POLICIES, DISRUPTION_BUDGETS, DEPLOYMENTS],
];

export interface Child {
  readonly type: ResourceType;
  /** Absent when the sink needs no object of this kind. */
  readonly object: KubeObject | undefined;
  /** Only the fields that are given are changed, of an object that is there. */
  readonly keepsRest?: true;
}

/** Everything that should exist for a sink. `accounts` are those that its workers of now run under. */
export function children(sink: LiveSink, defaults: WorkerDefaults, accounts: readonly string[] = []): Child[] {
  const config = workerConfig(sink);
  return [
    { type: SERVICE_ACCOUNTS, object: serviceAccount(sink) },
    { type: ROLES, object: role(sink) },
    { type: ROLE_BINDINGS, object: roleBinding(sink, accounts) },
    { type: LEASES, object: lease(sink) },
    { type: CONFIG_MAPS, object: configMap(sink, config) },
    { type: NETWORK_POLICIES, object: networkPolicy(sink, defaults) },
    { type: DISRUPTION_BUDGETS, object: disruptionBudget(sink, defaults) },
    { type: DEPLOYMENTS, object: deployment(sink, defaults, config) },
  ];
}
