import { KINESIS_SINKS } from "../../crds/resource.ts";
import { isInvalid, isNotFound } from "../../runtime/kube/errors.ts";
import { type JsonPatchOperation, patchJson, readObject } from "../kube/apply.ts";
import { type KubeObject, PODS } from "../kube/objects.ts";
import type { Context } from "./context.ts";
import { controlledPods } from "./observe.ts";

/** What of a reconcile the pruning needs. */
export type PruneContext = Pick<
  Context,
  "client" | "clock" | "cluster" | "key" | "logger" | "metrics" | "signal" | "sink"
>;

/** A pod younger than this may be controlled without the watches knowing yet, milliseconds. */
const WATCH_LAG_MS = 30_000;

/** Removes the entries of pods that vanished, have ended, or are not the sink's. Says whether to look again soon. */
export async function pruneWorkers(context: PruneContext): Promise<{ again: boolean }> {
  const pods = controlledPods(context);
  const controlled = new Set(pods.map((pod) => pod.name));
  const ended = new Set(pods.flatMap((pod) => (pod.ended ? pod.name : [])));
  const reported = (context.sink.status?.workers ?? []).map((worker) => worker.pod);
  const uncontrolled = reported.filter((pod) => !controlled.has(pod));
  const removable = new Set(reported.filter((pod) => ended.has(pod)));
  let unsure = false;
  for (const pod of uncontrolled) {
    if (await isForeign(context, pod)) removable.add(pod);
    else unsure = true;
  }
  if (removable.size > 0 && !(await remove(context, reported, removable))) return { again: true };
  return { again: unsure };
}

/** The watch may lag behind the worker's first report, so the API server has the last word. */
async function isForeign({ client, clock, signal, sink }: PruneContext, name: string): Promise<boolean> {
  const target = { type: PODS, namespace: sink.metadata.namespace, name };
  const pod = await readObject<KubeObject>(client, target, signal);
  if (!pod) return true;
  const age = clock.wall() - Date.parse(pod.metadata.creationTimestamp ?? "");
  return age > WATCH_LAG_MS;
}

/** False when the list was another by now: the watch will bring it. */
async function remove(
  context: PruneContext,
  reported: readonly string[],
  removable: ReadonlySet<string>,
): Promise<boolean> {
  const { client, logger, metrics, signal, sink } = context;
  const operations: JsonPatchOperation[] = [];
  // From the end, so that the places before stay what they are.
  for (let index = reported.length - 1; index >= 0; index -= 1) {
    const pod = reported[index];
    if (pod === undefined || !removable.has(pod)) continue;
    operations.push({ op: "test", path: `/status/workers/${index}/pod`, value: pod });
    operations.push({ op: "remove", path: `/status/workers/${index}` });
  }
  operations.unshift({ op: "test", path: "/metadata/uid", value: sink.metadata.uid });
  const { namespace, name } = sink.metadata;
  try {
    await patchJson(client, { type: KINESIS_SINKS, namespace, name }, operations, { subresource: "status", signal });
  } catch (error) {
    if (isInvalid(error) || isNotFound(error)) return false;
    throw error;
  }
  metrics.writes.inc({ kind: KINESIS_SINKS.kind, operation: "prune" });
  logger.info("removed the entries of workers that are gone", { pods: [...removable] });
  return true;
}
