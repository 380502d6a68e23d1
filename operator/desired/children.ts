import type { ResourceType } from "../../runtime/kube/resource-type.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  type KubeObject,
  LEASES,
  ROLE_BINDINGS,
  ROLES,
  SERVICE_ACCOUNTS,
} from "../kube/objects.ts";
import { configMap } from "./config-map.ts";
import { deployment } from "./deployment.ts";
import { lease } from "./lease.ts";
import type { LiveSink } from "./names.ts";
import { role } from "./role.ts";
import { roleBinding } from "./role-binding.ts";
import { serviceAccount } from "./service-account.ts";
import type { WorkerDefaults } from "./worker-defaults.ts";

/** The kinds of a sink's children, in the order in which they are applied: what a pod needs comes before it. */
export const CHILD_TYPES: readonly ResourceType[] = [
  ...[SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, LEASES, CONFIG_MAPS, DEPLOYMENTS],
];

export interface Child {
  readonly type: ResourceType;
  /** Absent when the sink needs no object of this kind. */
  readonly object: KubeObject | undefined;
}

/** Everything that should exist for a sink. */
export function children(sink: LiveSink, defaults: WorkerDefaults): Child[] {
  return [
    { type: SERVICE_ACCOUNTS, object: serviceAccount(sink) },
    { type: ROLES, object: role(sink) },
    { type: ROLE_BINDINGS, object: roleBinding(sink) },
    { type: LEASES, object: lease(sink) },
    { type: CONFIG_MAPS, object: configMap(sink) },
    { type: DEPLOYMENTS, object: deployment(sink, defaults) },
  ];
}
