import { jsonHash } from "../../runtime/json-hash.ts";
import type { ChildView } from "../cluster/cluster.ts";
import { fingerprint } from "../cluster/fingerprint.ts";
import type { Child } from "../desired/children.ts";
import { effectiveReplicas } from "../desired/replicas.ts";
import { applyObject, otherManagers } from "../kube/apply.ts";
import { DEPLOYMENTS, type KubeObject, objectKey } from "../kube/objects.ts";
import { isOlder } from "../kube/resource-version.ts";
import type { Cause } from "../status/observed.ts";
import { refusedCause } from "./api-causes.ts";
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
      return cause;
    }
  }
  return undefined;
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
  const { client, memory, metrics, owned, signal } = context;
  const { kind } = child.type;
  const uid = owned.get(kind);
  // Not ours yet means not there yet: without force, what is set of an object that appears meanwhile is not overwritten.
  const desired = uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } };
  const applied = await applyObject<KubeObject>(client, target(context, child, object.metadata.name), desired, {
    force: uid !== undefined,
    signal,
  });
  if (child.type === DEPLOYMENTS) {
    memory.deploymentGeneration = applied.metadata.generation ?? 0;
    memory.deploymentReplicas = effectiveReplicas(context.sink.spec);
  }
  metrics.writes.inc({ kind, operation: "apply" });
  context.logger.info("applied", { kind, name: object.metadata.name });
  return applied;
}
