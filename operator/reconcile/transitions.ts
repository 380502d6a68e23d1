import type { Condition } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { LiveSink } from "../desired/names.ts";
import type { EventNote, EventSubject } from "../kube/events.ts";
import type { Context } from "./context.ts";

/** Reasons of Ready=False that somebody asked for or that pass by themselves. */
const EXPECTED = new Set(["Paused", "ScaledToZero", "WorkersStarting", "PredecessorRemains"]);

/** The Events that a change of conditions deserves: of Ready, and of Stalled when it says something else than Ready. */
export function transitions(before: readonly Condition[], after: readonly Condition[]): EventNote[] {
  const notes: EventNote[] = [];
  const ready = find(after, "Ready");
  if (ready && !sameCause(find(before, "Ready"), ready)) notes.push(note(ready));
  const stalled = find(after, "Stalled");
  if (stalled && stalled.reason !== ready?.reason && !sameCause(find(before, "Stalled"), stalled)) {
    notes.push({ ...note(stalled), type: "Warning" });
  }
  return notes;
}

export async function recordTransitions(
  context: Context,
  before: readonly Condition[],
  after: readonly Condition[],
): Promise<void> {
  const subject = subjectOf(context.sink);
  for (const event of transitions(before, after)) {
    context.logger.info("condition changed", { reason: event.reason, note: event.note });
    await context.events.record(subject, event, context.signal);
  }
}

export function subjectOf({ metadata: { name, namespace, uid } }: LiveSink): EventSubject {
  return { apiVersion: KINESIS_SINKS.apiVersion, kind: KINESIS_SINKS.kind, name, namespace, uid };
}

function find(conditions: readonly Condition[], type: Condition["type"]): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

function sameCause(a: Condition | undefined, b: Condition): boolean {
  return a?.status === b.status && a.reason === b.reason;
}

function note(condition: Condition): EventNote {
  const good = condition.status === "True" || EXPECTED.has(condition.reason);
  return {
    type: good ? "Normal" : "Warning",
    reason: condition.reason,
    action: "Reconcile",
    note: condition.message || condition.reason,
  };
}
