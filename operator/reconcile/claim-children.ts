import type { OperatorReason } from "../../crds/reasons.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { Child } from "../desired/children.ts";
import { readObject } from "../kube/apply.ts";
import { controllerOf, type KubeObject, type OwnerReference, objectKey } from "../kube/objects.ts";
import type { Cause } from "../status/observed.ts";
import { type Context, target } from "./context.ts";
import { nameConflict, undoMerge } from "./undo-merge.ts";

/** What of a reconcile the claiming needs. */
export type ClaimContext = Pick<
  Context,
  "children" | "client" | "cluster" | "logger" | "memory" | "owned" | "signal" | "sink"
>;

/**
 * A forced apply would silently merge into somebody's object of the same name, and deleting the sink would then delete it. So
 * whatever has a child's name must be controlled by this very sink, or it is left alone. The uids of those that are the sink's
 * go to `owned`, for applying asks for them.
 */
export async function claimChildren(context: ClaimContext): Promise<Cause | undefined> {
  const conflicts = await Promise.all(context.children.map((child) => claim(context, child)));
  return conflicts.find((conflict) => conflict?.stalls) ?? conflicts.find((conflict) => conflict !== undefined);
}

/** Notes the child's uid where it is ours; says why not where it is somebody's. */
async function claim(context: ClaimContext, child: Child): Promise<Cause | undefined> {
  if (!child.object) return undefined;
  const merged = context.memory.merged.get(child.type.kind);
  if (merged) return await undoMerge(context, child, merged);
  const { name } = child.object.metadata;
  const { namespace, uid } = context.sink.metadata;
  const seen = context.cluster.child(child.type, objectKey(namespace, name));
  if (seen?.controllerUid === uid) {
    context.owned.set(child.type.kind, seen.uid);
    return undefined;
  }
  // Only labelled objects are watched, and the watch lags: ask.
  const found = await readObject<KubeObject>(context.client, target(context, child, name), context.signal);
  if (!found) return undefined;
  const owner = controllerOf(found);
  if (owner?.uid === uid) {
    context.owned.set(child.type.kind, found.metadata.uid ?? "");
    return undefined;
  }
  if (owner && isPredecessor(owner, context)) {
    return {
      reason: "PredecessorRemains" satisfies OperatorReason,
      message: `${child.type.kind} ${name} is being deleted with the former KinesisSink of this name (uid ${owner.uid})`,
      stalls: false,
    };
  }
  const whose = owner ? `belongs to ${owner.kind} ${owner.name} (uid ${owner.uid})` : "belongs to nobody";
  return nameConflict(child.type.kind, name, whose);
}

/** A sink of the same name and another uid exists no longer, so what it owned goes by itself. */
function isPredecessor({ apiVersion, kind, name }: OwnerReference, { sink }: ClaimContext): boolean {
  return apiVersion.startsWith(`${KINESIS_SINKS.group}/`) && kind === KINESIS_SINKS.kind && name === sink.metadata.name;
}
