import { KINESIS_SINKS } from "../../crds/resource.ts";
import { isInvalid, isNotFound } from "../../runtime/kube/errors.ts";
import { type JsonPatchOperation, patchJson, readObject } from "../kube/apply.ts";
import { type KubeObject, PODS } from "../kube/objects.ts";
import type { Context } from "./context.ts";
import { controlledPods } from "./observe.ts";

/** A pod younger than this may be controlled without the watches knowing yet, milliseconds. */
const WATCH_LAG_MS = 30_000;

/** Removes the entries of pods that vanished or that the sink does not control. Says whether to look again soon. */
export async function pruneWorkers(context: Context): Promise<{ again: boolean }> {
  const controlled = new Set(controlledPods(context).map((pod) => pod.name));
  const reported = (context.sink.status?.workers ?? []).map((worker) => worker.pod);
  const uncontrolled = reported.filter((pod) => !controlled.has(pod));
  if (uncontrolled.length === 0) return { again: false };
  const removable = new Set<string>();
  for (const pod of uncontrolled) if (await isForeign(context, pod)) removable.add(pod);
  if (removable.size > 0 && !(await remove(context, reported, removable))) return { again: true };
  return { again: removable.size < uncontrolled.length };
}

/** The watch may lag behind the worker's first report, so the API server has the last word. */
async function isForeign({ client, clock, signal, sink }: Context, name: string): Promise<boolean> {
  const target = { type: PODS, namespace: sink.metadata.namespace, name };
  const pod = await readObject<KubeObject>(client, target, signal);
  if (!pod) return true;
  const age = clock.wall() - Date.parse(pod.metadata.creationTimestamp ?? "");
  return age > WATCH_LAG_MS;
}

/** False when the list was another by now: the watch will bring it. */
async function remove(context: Context, reported: readonly string[], removable: ReadonlySet<string>): Promise<boolean> {
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
