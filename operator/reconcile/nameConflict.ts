import { childName } from "../desired/names.ts";
import { readObject } from "../kube/apply.ts";
import { controllerOf, type KubeObject, objectKey } from "../kube/objects.ts";
import type { Problem } from "../status/observed.ts";
import { type Context, target } from "./context.ts";

/**
 * A forced apply would silently merge into somebody's object of the same name, and deleting the sink would then delete it. So
 * whatever has a child's name must be controlled by this very sink, or it is left alone.
 */
export async function refuseNameConflicts(context: Context): Promise<Problem | undefined> {
  const name = childName(context.sink);
  const { namespace, uid } = context.sink.metadata;
  for (const child of context.children) {
    if (!child.object) continue;
    const seen = context.cluster.child(child.type, objectKey(namespace, name));
    if (seen?.controllerUid === uid) {
      context.owned.set(child.type.kind, seen.uid);
      continue;
    }
    // Only labelled objects are watched, and the watch lags: ask.
    const found = await readObject<KubeObject>(context.client, target(context, child, name), context.signal);
    const owner = found && controllerOf(found);
    if (found?.metadata.uid && owner?.uid === uid) context.owned.set(child.type.kind, found.metadata.uid);
    if (!found || owner?.uid === uid) continue;
    const whose = owner ? `belongs to ${owner.kind} ${owner.name} (uid ${owner.uid})` : "belongs to nobody";
    return {
      reason: "NameConflict",
      message: `${child.type.kind} ${name} exists and ${whose}: delete or rename it, or give the KinesisSink another name`,
      stalls: true,
    };
  }
  return undefined;
}
