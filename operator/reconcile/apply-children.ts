import { jsonHash } from "../../runtime/json-hash.ts";
import { ApiError, isForbidden, isInvalid } from "../../runtime/kube/errors.ts";
import { fingerprint } from "../cluster/fingerprint.ts";
import type { Child } from "../desired/children.ts";
import { childName } from "../desired/names.ts";
import { applyObject, deleteObject } from "../kube/apply.ts";
import { DEPLOYMENTS, type KubeObject, objectKey, SERVICE_ACCOUNTS } from "../kube/objects.ts";
import type { Cause } from "../status/observed.ts";
import { type Context, target } from "./context.ts";

/** Puts every child as desired, one after the other. What is as it was left needs no request. */
export async function applyChildren(context: Context): Promise<Cause | undefined> {
  for (const child of context.children) {
    if (!child.object) continue;
    try {
      await applyChild(context, child, child.object);
    } catch (error) {
      const cause = refusedCause(child, error);
      if (!cause) throw error;
      return cause;
    }
  }
  return undefined;
}

async function applyChild(context: Context, child: Child, object: KubeObject): Promise<void> {
  const { cluster, memory, metrics, signal } = context;
  const { kind } = child.type;
  const seen = cluster.child(child.type, objectKey(object.metadata.namespace, object.metadata.name));
  const hash = jsonHash(object);
  if (seen && memory.applied.get(kind) === `${hash} ${seen.fingerprint}`) return;
  const uid = context.owned.get(kind);
  // Not ours yet means not there yet: without force, an object that appears meanwhile is a conflict and is not overwritten.
  const desired = uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } };
  const applied = await applyObject<KubeObject>(context.client, target(context, child, object.metadata.name), desired, {
    force: uid !== undefined,
    signal,
  });
  memory.applied.set(kind, `${hash} ${fingerprint(applied)}`);
  if (child.type === DEPLOYMENTS) memory.deploymentGeneration = applied.metadata.generation ?? 0;
  metrics.writes.inc({ kind, operation: "apply" });
  context.logger.info("applied", { kind, name: object.metadata.name });
}

/** An answer that the same request will get again until somebody changes something. */
function refusedCause(child: Child, error: unknown): Cause | undefined {
  if (!(error instanceof ApiError) || !(isForbidden(error) || isInvalid(error))) return undefined;
  if (error.message.includes("because it is being terminated")) {
    return { reason: "NamespaceTerminating", message: "the namespace is being deleted", stalls: false };
  }
  const reason = isForbidden(error) ? "ApplyForbidden" : "ApplyInvalid";
  return { reason, message: `${child.type.kind} was refused by the API server: ${error.message}`, stalls: true };
}

/** Whoever names the account that was made for the sink wants to keep it: no named account is deleted. */
function isNamed({ sink }: Context, { type }: Child): boolean {
  return type === SERVICE_ACCOUNTS && sink.spec.serviceAccount?.name === childName(sink);
}

/** Deletes children that the spec no longer asks for. */
export async function removeStale(context: Context): Promise<undefined> {
  const { namespace, uid } = context.sink.metadata;
  const name = childName(context.sink);
  for (const child of context.children) {
    if (child.object || isNamed(context, child)) continue;
    const seen = context.cluster.child(child.type, objectKey(namespace, name));
    if (seen?.controllerUid !== uid) continue;
    await deleteObject(context.client, target(context, child, name), seen.uid, context.signal);
    context.memory.applied.delete(child.type.kind);
    context.metrics.writes.inc({ kind: child.type.kind, operation: "delete" });
    context.logger.info("deleted what the spec no longer asks for", { kind: child.type.kind, name });
  }
}
