import type { Child } from "../desired/children.ts";
import { childName } from "../desired/names.ts";
import { deleteObject } from "../kube/apply.ts";
import { objectKey, SERVICE_ACCOUNTS } from "../kube/objects.ts";
import { ownAccountIsNeeded } from "./accounts.ts";
import { type Context, target } from "./context.ts";

/** Deletes children that the spec no longer asks for, and no pod any more. */
export async function deleteStaleChildren(context: Context): Promise<undefined> {
  const { namespace, uid } = context.sink.metadata;
  const name = childName(context.sink);
  for (const child of context.children) {
    if (child.object || isKept(context, child)) continue;
    const seen = context.cluster.child(child.type, objectKey(namespace, name));
    if (seen?.controllerUid !== uid) continue;
    await deleteObject(context.client, target(context, child, name), seen.uid, context.signal);
    context.memory.applied.delete(child.type.kind);
    context.metrics.writes.inc({ kind: child.type.kind, operation: "delete" });
    context.logger.info("deleted what the spec no longer asks for", { kind: child.type.kind, name });
  }
}

/** Whoever names the account that was made for the sink wants to keep it: no named account is deleted. */
function isKept(context: Context, { type }: Child): boolean {
  if (type !== SERVICE_ACCOUNTS) return false;
  return context.sink.spec.serviceAccount?.name === childName(context.sink) || ownAccountIsNeeded(context);
}
