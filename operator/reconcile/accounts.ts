import { childName } from "../desired/names.ts";
import { DEPLOYMENTS, objectKey } from "../kube/objects.ts";
import type { ObservedDeployment } from "../status/observed.ts";
import { type Context, liveDeployment } from "./context.ts";
import { controlledPods } from "./observe.ts";

/** What of a reconcile the accounts need. */
export type AccountContext = Pick<Context, "cluster" | "key" | "memory" | "sink">;

/** Accounts of the workers that run now: those of an earlier spec must be able to report until they are gone. */
export function accountsInUse(context: AccountContext): string[] {
  const accounts = controlledPods(context).flatMap(({ account, ended }) => (ended || account === "" ? [] : account));
  return [...new Set(accounts)];
}

/**
 * Whether a pod holds the token of the sink's own account, or may yet be made with it: the API server takes a token back with
 * its account. A rollout that is not over may still fall back on its old pods, as when the account that is named now does not
 * exist.
 */
export function ownAccountIsNeeded(context: AccountContext): boolean {
  const { cluster, key, memory, sink } = context;
  const own = childName(sink);
  if (cluster.pods(key).some(({ account, ended }) => account === own && !ended)) return true;
  const seen = cluster.child(DEPLOYMENTS, objectKey(sink.metadata.namespace, own));
  return !seen?.deployment || !isRolledOut(liveDeployment(memory, seen.deployment));
}

/** Whether no pod of an earlier template will be made any more. */
function isRolledOut({ generation, observedGeneration, replicas, conditions }: ObservedDeployment): boolean {
  if (observedGeneration < generation) return false;
  return replicas === 0 || conditions.some(({ reason }) => reason === "NewReplicaSetAvailable");
}
