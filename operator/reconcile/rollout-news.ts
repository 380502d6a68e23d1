import type { OperatorReason } from "../../crds/reasons.ts";
import type { EventNote } from "../kube/events.ts";
import type { Context } from "./context.ts";
import { ACTION, subjectOf } from "./transitions.ts";

/** What of a reconcile the telling needs. */
export type NewsContext = Pick<
  Context,
  "change" | "events" | "fleet" | "key" | "logger" | "rollout" | "signal" | "sink" | "worker"
>;

/** A turn that was not used, since an object before the Deployment or itself could not be written, is another sink's. */
export function endTurn({ change, fleet, key }: Pick<NewsContext, "change" | "fleet" | "key">): void {
  if (change.turn && !change.begun) fleet.giveBack(key);
}

/** Events of a change that came with the operator: the sink rolls, or it did and is not Ready. */
export async function tellChange(context: NewsContext): Promise<void> {
  const { change, events, fleet, logger, signal, sink } = context;
  const note = change.fails ? failed(context) : change.begun ? begun(context) : undefined;
  if (!note) return;
  const { rolling, pending, failed: failures } = fleet.report();
  logger.info(note.note, { reason: note.reason, rolling, pending, failed: failures });
  await events.record(subjectOf(sink), note, signal);
}

function begun({ sink, worker }: NewsContext): EventNote {
  const image = sink.spec.pod.image || worker.image;
  const note = `the workers roll to what this operator makes of the sink (image ${image}); nobody changed the sink`;
  return { type: "Normal", reason: "RollingOut" satisfies OperatorReason, action: ACTION, note };
}

function failed({ rollout: { maxFailures } }: NewsContext): EventNote {
  const most = maxFailures === 1 ? "it is not Ready" : `${maxFailures} such sinks are not Ready`;
  const note = `the workers that changed with the operator did not become ready in time; no further sink rolls while ${most}. The conditions name the cause`;
  return { type: "Warning", reason: "RolloutFailed" satisfies OperatorReason, action: ACTION, note };
}
