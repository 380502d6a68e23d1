import { isInvalid, isNotFound } from "../../runtime/kube/errors.ts";
import { childName } from "../desired/names.ts";
import { effectiveReplicas } from "../desired/replicas.ts";
import { patchJson } from "../kube/apply.ts";
import { DEPLOYMENTS, type KubeObject, objectKey } from "../kube/objects.ts";
import type { Cause } from "../status/observed.ts";
import { refusedCause } from "./api-causes.ts";
import { type Context, liveDeployment, liveTemplate } from "./context.ts";

/** What of a reconcile the scaling needs. */
export type ScaleContext = Pick<Context, "client" | "cluster" | "logger" | "memory" | "metrics" | "signal" | "sink">;

/**
 * Stops or scales the Deployment that is there, and leaves its template as it is. It comes before everything that can be
 * refused: who pauses a sink whose spec is wrong, or whose objects cannot be written, wants it to stop all the same. From
 * none to some is left to the whole Deployment: the live template may be of an earlier spec, which nobody wants to run again.
 */
export async function scaleDeployment(context: ScaleContext): Promise<Cause | undefined> {
  const { client, logger, memory, metrics, signal, sink } = context;
  const { namespace, uid } = sink.metadata;
  const name = childName(sink);
  const seen = context.cluster.child(DEPLOYMENTS, objectKey(namespace, name));
  if (!seen?.deployment || seen.controllerUid !== uid) return undefined;
  const wanted = effectiveReplicas(sink);
  const { replicas } = liveDeployment(memory, seen.deployment);
  // The spec is not validated yet.
  if (!Number.isInteger(wanted) || replicas === wanted || replicas === 0) return undefined;
  // Somebody else scaled it: that is put back with the rest of the Deployment, ever more rarely. A stop never waits.
  if (wanted > 0 && memory.deploymentReplicas === wanted) return undefined;
  const operations = [
    { op: "test", path: "/metadata/uid", value: seen.uid },
    { op: "replace", path: "/spec/replicas", value: wanted },
  ] as const;
  try {
    const scaled = await patchJson<KubeObject>(client, { type: DEPLOYMENTS, namespace, name }, operations, { signal });
    memory.template = liveTemplate(memory, seen);
    memory.deploymentGeneration = scaled.metadata.generation ?? 0;
    memory.deploymentReplicas = wanted;
  } catch (error) {
    // Gone, or another one by now: the watch brings it.
    if (isNotFound(error) || isInvalid(error)) return undefined;
    const cause = refusedCause(DEPLOYMENTS.kind, error);
    if (!cause) throw error;
    return cause;
  }
  metrics.writes.inc({ kind: DEPLOYMENTS.kind, operation: "scale" });
  logger.info("scaled", { name, from: replicas, to: wanted });
  return undefined;
}
