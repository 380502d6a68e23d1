import type { EnvVar, WorkerPod } from "../../crds/kinesissink.generated.ts";
import type { LiveSink } from "./names.ts";
import type { WorkerDefaults } from "./worker-defaults.ts";

/**
 * `spec.pod` of a sink, with what the operator gives all workers for what it leaves out. Labels, annotations and variables go
 * one by one; everything else the sink replaces whole.
 */
export function podOf({ spec: { pod } }: LiveSink, defaults: WorkerDefaults): WorkerPod {
  const { securityContext: _identity, ...fleet } = defaults.pod ?? {};
  const labels = { ...fleet.labels, ...pod.labels };
  const annotations = { ...fleet.annotations, ...pod.annotations };
  return { ...fleet, ...pod, labels, annotations, env: merged(fleet.env ?? [], pod.env ?? []) };
}

function merged(fleet: readonly EnvVar[], own: readonly EnvVar[]): EnvVar[] {
  const names = new Set(own.map(({ name }) => name));
  return [...fleet.filter(({ name }) => !names.has(name)), ...own];
}
