import { ineffectiveFields } from "../../crds/validation/ignored-properties.ts";
import type { PodView } from "../cluster/cluster.ts";
import { childName } from "../desired/names.ts";
import { DEPLOYMENTS, objectKey } from "../kube/objects.ts";
import type { Blocked, Observed, ObservedDeployment, ObservedPod, StaleReport } from "../status/observed.ts";
import { type Context, liveDeployment } from "./context.ts";

/** What of a reconcile the observing needs. */
export type ObserveContext = Pick<
  Context,
  "change" | "cluster" | "key" | "memory" | "sink" | "templateHash" | "unknownFields"
>;

/** Pods that a ReplicaSet of the sink's own Deployment controls; labels alone prove nothing. */
export function controlledPods(context: Pick<ObserveContext, "cluster" | "key" | "sink">): PodView[] {
  const { cluster, key, sink } = context;
  const deployment = cluster.child(DEPLOYMENTS, objectKey(sink.metadata.namespace, childName(sink)));
  if (!deployment || deployment.controllerUid !== sink.metadata.uid) return [];
  const sets = cluster.replicaSets(key).filter((set) => set.controllerUid === deployment.uid);
  const uids = new Set(sets.map((set) => set.uid));
  const pods = cluster.pods(key).filter((pod) => pod.controllerUid !== undefined && uids.has(pod.controllerUid));
  // In an order that lasts, so that of several complaints the status keeps naming the same one.
  return pods.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Gathers what the status is computed from. */
export function observe(context: ObserveContext, blocked: Blocked, stale: readonly StaleReport[] = []): Observed {
  const { sink } = context;
  const { pending } = context.change;
  const views = controlledPods(context);
  const names = new Set(views.map((pod) => pod.name));
  return {
    sink,
    ...blocked,
    deployment: observedDeployment(context),
    pods: views.map((view) => observedPod(context, view)),
    workers: (sink.status?.workers ?? []).filter((worker) => names.has(worker.pod)),
    stale: stale.filter(({ pod }) => names.has(pod)),
    ignoredProperties: ineffectiveFields(sink, context.unknownFields),
    pending: pending && { reason: pending.reason, since: sink.status?.pendingChange?.since },
  };
}

/** The sink's own Deployment. One that the watch has not brought as it was applied last counts as not acted on yet. */
function observedDeployment({ cluster, memory, sink }: ObserveContext): ObservedDeployment | undefined {
  const seen = cluster.child(DEPLOYMENTS, objectKey(sink.metadata.namespace, childName(sink)));
  if (!seen?.deployment || seen.controllerUid !== sink.metadata.uid) return undefined;
  return liveDeployment(memory, seen.deployment);
}

function observedPod(context: ObserveContext, view: PodView): ObservedPod {
  const { name, ready, terminating, ended, cause, repeatedExit } = view;
  const suspectedCause = repeatedExit ?? (view.started ? undefined : context.memory.podWarnings.get(name)?.cause);
  const current = view.templateHash === context.templateHash;
  return { name, ready, terminating, ended, current, cause, suspectedCause };
}
