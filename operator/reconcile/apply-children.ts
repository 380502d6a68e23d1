import { jsonHash } from "../../runtime/json-hash.ts";
import { fingerprint } from "../cluster/fingerprint.ts";
import type { Child } from "../desired/children.ts";
import { applyObject, otherManagers } from "../kube/apply.ts";
import { DEPLOYMENTS, type KubeObject, objectKey } from "../kube/objects.ts";
import type { Cause } from "../status/observed.ts";
import { refusedCause } from "./api-causes.ts";
import { type Context, target } from "./context.ts";
import { undoMerge } from "./undo-merge.ts";

/** Puts every child as desired, one after the other. What is as it was left needs no request. */
export async function applyChildren(context: Context): Promise<Cause | undefined> {
  for (const child of context.children) {
    if (!child.object) continue;
    try {
      const taken = await applyChild(context, child, child.object);
      if (taken) return taken;
    } catch (error) {
      const cause = refusedCause(child.type.kind, error);
      if (!cause) throw error;
      return cause;
    }
  }
  return undefined;
}

/** A cause where it turns out that the object is somebody's. */
async function applyChild(context: Context, child: Child, object: KubeObject): Promise<Cause | undefined> {
  const { cluster, memory, metrics, signal } = context;
  const { kind } = child.type;
  const seen = cluster.child(child.type, objectKey(object.metadata.namespace, object.metadata.name));
  const hash = jsonHash(object);
  if (seen && memory.applied.get(kind) === `${hash} ${seen.fingerprint}`) return undefined;
  const uid = context.owned.get(kind);
  // Not ours yet means not there yet: without force, what is set of an object that appears meanwhile is not overwritten.
  const desired = uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } };
  const applied = await applyObject<KubeObject>(context.client, target(context, child, object.metadata.name), desired, {
    force: uid !== undefined,
    signal,
  });
  if (uid === undefined && otherManagers(applied).length > 0) return await undoMerge(context, child, applied);
  memory.applied.set(kind, `${hash} ${fingerprint(applied)}`);
  if (child.type === DEPLOYMENTS) memory.deploymentGeneration = applied.metadata.generation ?? 0;
  metrics.writes.inc({ kind, operation: "apply" });
  context.logger.info("applied", { kind, name: object.metadata.name });
  return undefined;
}
