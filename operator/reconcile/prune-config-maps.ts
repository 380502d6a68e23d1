import { collectionPath } from "../../runtime/kube/resource-type.ts";
import { childName, SINK_LABEL } from "../desired/names.ts";
import { mountedConfig, type VolumeHolder } from "../desired/volumes.ts";
import { deleteObject } from "../kube/apply.ts";
import { CONFIG_MAPS, DEPLOYMENTS, type KubeObject, objectKey, REPLICA_SETS, splitKey } from "../kube/objects.ts";
import { type Context, liveDeployment } from "./context.ts";

/** What of a reconcile the pruning needs. */
export type ConfigMapContext = Pick<
  Context,
  "children" | "client" | "clock" | "cluster" | "key" | "logger" | "memory" | "metrics" | "signal" | "sink"
>;

/** A pod that is to start again within this time finds its configuration, whatever the watches say meanwhile. Milliseconds. */
const KEEP_MS = 10 * 60_000;

/** What is read of a ReplicaSet (`apps/v1`). */
interface ReplicaSet extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly template?: { readonly spec?: VolumeHolder } };
  readonly status?: { readonly replicas?: number };
}

/**
 * Deletes configurations of earlier templates once no pod can need them: none has it, the Deployment's controller has acted on
 * what was applied last, ten minutes have passed, and the API server knows of no ReplicaSet that makes such pods.
 */
export async function pruneConfigMaps(context: ConfigMapContext): Promise<undefined> {
  const { clock, memory } = context;
  const unused = unusedConfigMaps(context);
  for (const name of memory.unusedSince.keys()) if (!unused.has(name)) memory.unusedSince.delete(name);
  for (const name of unused.keys()) {
    if (!memory.unusedSince.has(name)) memory.unusedSince.set(name, clock.now());
  }
  const due = [...unused].filter(([name]) => clock.now() - (memory.unusedSince.get(name) ?? 0) >= KEEP_MS);
  if (due.length === 0) return undefined;
  const used = await usedByReplicaSets(context);
  for (const [name, uid] of due) {
    // Whatever it is, somebody keeps it: looked at again after as long.
    if (used.has(name)) memory.unusedSince.set(name, clock.now());
    else await remove(context, name, uid);
  }
  return undefined;
}

/** After how long the next one is due; undefined when there is none. */
export function pruneConfigMapsAgainMs({ clock, memory }: Pick<Context, "clock" | "memory">): number | undefined {
  const since = [...memory.unusedSince.values()];
  return since.length === 0 ? undefined : Math.max(0, Math.min(...since) + KEEP_MS - clock.now());
}

/** The sink's own ConfigMaps that neither a pod nor a Deployment has, by name, with their uids. */
function unusedConfigMaps({ children, cluster, key, memory, sink }: ConfigMapContext): Map<string, string> {
  const { namespace, uid } = sink.metadata;
  const deployment = cluster.child(DEPLOYMENTS, objectKey(namespace, childName(sink)));
  if (!deployment?.deployment || deployment.controllerUid !== uid) return new Map();
  const { generation, observedGeneration } = liveDeployment(memory, deployment.deployment);
  if (observedGeneration < generation) return new Map();
  const used = new Set([
    children.find(({ type }) => type === CONFIG_MAPS)?.object?.metadata.name,
    deployment.template?.configMap,
    ...cluster.pods(key).map(({ configMap }) => configMap),
  ]);
  const own = cluster.configMaps(key).filter(({ controllerUid }) => controllerUid === uid);
  const named = own.map((view) => [splitKey(view.key).name, view.uid] as const);
  return new Map(named.filter(([name]) => !used.has(name)));
}

/** What ReplicaSets mount that have pods, or are to make some as soon as they may. Watches show their metadata alone. */
async function usedByReplicaSets({ client, signal, sink }: ConfigMapContext): Promise<Set<string>> {
  const { items } = await client.request<{ items?: ReplicaSet[] }>({
    path: collectionPath(REPLICA_SETS, sink.metadata.namespace),
    query: { labelSelector: `${SINK_LABEL}=${sink.metadata.name}` },
    signal,
  });
  const alive = (items ?? []).filter(({ spec, status }) => (spec?.replicas ?? 0) > 0 || (status?.replicas ?? 0) > 0);
  return new Set(alive.flatMap(({ spec }) => mountedConfig(spec?.template?.spec) ?? []));
}

async function remove(context: ConfigMapContext, name: string, uid: string): Promise<void> {
  const { client, logger, memory, metrics, signal, sink } = context;
  await deleteObject(client, { type: CONFIG_MAPS, namespace: sink.metadata.namespace, name }, uid, signal);
  memory.unusedSince.delete(name);
  metrics.writes.inc({ kind: CONFIG_MAPS.kind, operation: "delete" });
  logger.info("deleted a configuration that no worker has any more", { name });
}
