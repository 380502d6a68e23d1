import type { OperatorReason } from "../../crds/reasons.ts";
import { isConflict, isNotFound } from "../../runtime/kube/errors.ts";
import type { Child } from "../desired/children.ts";
import { applyObject } from "../kube/apply.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Cause } from "../status/observed.ts";
import { type Context, target } from "./context.ts";

/** What of a reconcile the undoing needs. */
export type UndoContext = Pick<Context, "client" | "logger" | "memory" | "signal" | "sink">;

/**
 * A first apply that met an object which had appeared since it was looked for: where no field is in conflict, server-side
 * apply merges into it. An empty apply takes away what it added, and nothing else. Says that the name is taken.
 */
export async function undoMerge(context: UndoContext, child: Child, { metadata }: KubeObject): Promise<Cause> {
  const { client, logger, memory, signal } = context;
  const { kind } = child.type;
  const { name, uid = "" } = metadata;
  // Until it is undone the object looks like the sink's own.
  memory.merged.set(kind, { metadata: { name, uid } });
  const empty = { metadata: { name, uid } };
  try {
    await applyObject(client, target(context, child, name), empty, { force: false, signal });
  } catch (error) {
    // With another uid, or none, what was merged into is gone.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
  memory.merged.delete(kind);
  logger.warn("an object had appeared under the name of a child; what was added to it is taken away again", {
    kind,
    name,
  });
  return nameConflict(kind, name, "belongs to nobody");
}

export function nameConflict(kind: string, name: string, whose: string): Cause {
  return {
    reason: "NameConflict" satisfies OperatorReason,
    message: `${kind} ${name} exists and ${whose}: delete or rename it, or give the KinesisSink another name`,
    stalls: true,
  };
}
