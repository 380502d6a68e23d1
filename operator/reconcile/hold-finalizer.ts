import { KINESIS_SINKS } from "../../crds/resource.ts";
import { isInvalid, isNotFound } from "../../runtime/kube/errors.ts";
import { FINALIZER, holdsFinalizer } from "../cleanup/finalizer.ts";
import { applyObject, patchJson } from "../kube/apply.ts";
import type { Cause } from "../status/observed.ts";
import { refusedCause } from "./api-causes.ts";
import type { Context } from "./context.ts";

/** What of a reconcile the holding needs. */
export type FinalizerContext = Pick<Context, "client" | "logger" | "metrics" | "signal" | "sink">;

/**
 * Keeps the finalizer on the sink as long as its subscription is to be deleted with it, and no longer. A sink whose promise
 * cannot be kept does not run.
 */
export async function holdFinalizer(context: FinalizerContext): Promise<Cause | undefined> {
  const { sink } = context;
  if (sink.spec.cleanupSubscription === holdsFinalizer(sink)) return undefined;
  try {
    if (sink.spec.cleanupSubscription) await addFinalizer(context);
    else await removeFinalizer(context);
    return undefined;
  } catch (error) {
    const cause = refusedCause(KINESIS_SINKS.kind, error);
    if (!cause) throw error;
    return cause;
  }
}

/** By server-side apply: the list is a set, and those of others stay. */
async function addFinalizer({ client, logger, metrics, signal, sink }: FinalizerContext): Promise<void> {
  const { name, namespace, uid } = sink.metadata;
  const object = { metadata: { name, namespace, uid, finalizers: [FINALIZER] } };
  await applyObject(client, { type: KINESIS_SINKS, namespace, name }, object, { force: false, signal });
  metrics.writes.inc({ kind: KINESIS_SINKS.kind, operation: "finalizer" });
  logger.info("the sink's subscription is to be deleted with it: finalizer added", { finalizer: FINALIZER });
}

/**
 * False when the list was another by now: the watch will bring it. Not by server-side apply, which leaves what somebody else has
 * applied too, as whoever restores a backup does.
 */
export async function removeFinalizer(context: FinalizerContext): Promise<boolean> {
  const { client, logger, metrics, signal, sink } = context;
  const { finalizers = [], name, namespace, uid } = sink.metadata;
  const path = `/metadata/finalizers/${finalizers.indexOf(FINALIZER)}`;
  const operations = [
    { op: "test", path: "/metadata/uid", value: uid },
    { op: "test", path, value: FINALIZER },
    { op: "remove", path },
  ] as const;
  try {
    await patchJson(client, { type: KINESIS_SINKS, namespace, name }, operations, { signal });
  } catch (error) {
    if (isNotFound(error)) return true;
    if (isInvalid(error)) return false;
    throw error;
  }
  metrics.writes.inc({ kind: KINESIS_SINKS.kind, operation: "finalizer" });
  logger.info("finalizer removed", { finalizer: FINALIZER });
  return true;
}
