import { jsonHash } from "../../runtime/json-hash.ts";
import type { ChildView } from "../cluster/cluster.ts";
import { fingerprint } from "../cluster/fingerprint.ts";
import { templateView } from "../cluster/views.ts";
import type { Child } from "../desired/children.ts";
import { effectiveReplicas } from "../desired/replicas.ts";
import { applyObject, createObject, mergeObject, otherManagers } from "../kube/apply.ts";
import { CONFIG_MAPS, DEPLOYMENTS, type KubeObject, objectKey } from "../kube/objects.ts";
import { isOlder } from "../kube/resource-version.ts";
import type { Cause } from "../status/observed.ts";
import { refusedCause } from "./api-causes.ts";
import { claimChildren } from "./claim-children.ts";
import { type AppliedChild, type Context, target } from "./context.ts";
import { fighter, isFight, repaired, repairWaitMs, tellFight } from "./drift.ts";
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
      return (await takenMeanwhile(context, child)) ?? cause;
    }
  }
  return undefined;
}

/** The admission policy refuses to merge into an object that has appeared since it was looked for: look once more. */
async function takenMeanwhile(context: Context, child: Child): Promise<Cause | undefined> {
  if (context.owned.has(child.type.kind)) return undefined;
  return await claimChildren({ ...context, children: [child] });
}

/** A cause where it turns out that the object is somebody's. */
async function applyChild(context: Context, child: Child, object: KubeObject): Promise<Cause | undefined> {
  const { clock, cluster, memory } = context;
  const { kind } = child.type;
  const { namespace, name } = object.metadata;
  const seen = cluster.child(child.type, objectKey(namespace, name));
  const hash = jsonHash(object);
  const known = memory.applied.get(kind);
  // Nothing else is asked for than the last time.
  const same = known?.hash === hash;
  const repair = memory.repairs.get(kind);
  if (seen && same && isAsLeft(seen, known)) {
    if (repair?.waits) memory.repairs.set(kind, { ...repair, waits: false });
    return undefined;
  }
  if (same && repair && repairWaitMs(repair, clock.now()) > 0) {
    memory.repairs.set(kind, { ...repair, waits: true });
    return undefined;
  }
  const by = same && isFight(repair, clock.now()) ? await fighter(context, child, name) : undefined;
  const applied = await apply(context, child, object);
  if (!context.owned.has(kind) && otherManagers(applied).length > 0) return await undoMerge(context, child, applied);
  const after = fingerprint(child.type, applied);
  memory.applied.set(kind, { hash, fingerprint: after, resourceVersion: applied.metadata.resourceVersion });
  if (same && after !== seen?.fingerprint) {
    memory.repairs.set(kind, repaired(repair, clock.now()));
    if (by !== undefined) await tellFight(context, child, name, by);
  }
  return undefined;
}

function isAsLeft(seen: ChildView, known: AppliedChild): boolean {
  return seen.fingerprint === known.fingerprint || isOlder(seen.resourceVersion, known.resourceVersion);
}

async function apply(context: Context, child: Child, object: KubeObject): Promise<KubeObject> {
  const { metrics, owned } = context;
  const { kind } = child.type;
  const uid = owned.get(kind);
  // Not ours yet means not there yet: without force, what is set of an object that appears meanwhile is not overwritten.
  const desired = uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } };
  const applied = await write(context, child, desired);
  if (child.type === DEPLOYMENTS) remember(context, applied);
  metrics.writes.inc({ kind, operation: "apply" });
  context.logger.info("applied", { kind, name: object.metadata.name });
  return applied;
}

async function write(context: Context, child: Child, object: KubeObject): Promise<KubeObject> {
  const { client, signal } = context;
  const place = target(context, child, object.metadata.name);
  const exists = context.owned.has(child.type.kind);
  if (child.keepsRest) return await mergeObject(client, place, object, signal);
  // From what is immutable nothing can be taken away again.
  if (!exists && child.type === CONFIG_MAPS) return await createObject(client, place, object, signal);
  return await applyObject(client, place, object, { force: exists, signal });
}

/** Until the watch brings it. */
function remember({ change, memory, sink }: Context, applied: KubeObject): void {
  memory.template = templateView(applied);
  memory.deploymentGeneration = applied.metadata.generation ?? 0;
  memory.deploymentReplicas = effectiveReplicas(sink);
  change.begun = change.turn !== undefined;
}
