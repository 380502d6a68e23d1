import type { Condition } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { LiveSink } from "../desired/names.ts";
import type { EventNote, EventSubject } from "../kube/events.ts";
import type { Context } from "./context.ts";

/** What the operator was about, in every Event. */
export const ACTION = "Reconcile";

/** Reasons of Ready=False that somebody asked for or that pass by themselves. */
const EXPECTED = new Set(["Paused", "ScaledToZero", "WorkersStarting", "PredecessorRemains", "CleaningUp"]);

/**
 * The Events that a change of conditions deserves: of Ready, of Paused unless Ready told it before, and of Stalled when it says
 * something else than Ready.
 */
export function transitions(before: readonly Condition[], after: readonly Condition[]): EventNote[] {
  const notes: EventNote[] = [];
  const ready = find(after, "Ready");
  if (ready && !sameCause(find(before, "Ready"), ready)) notes.push(note(ready));
  const paused = find(after, "Paused");
  const told = find(before, "Paused") ?? find(before, "Ready");
  if (paused && paused.reason !== told?.reason) notes.push(note(paused));
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
  const events = transitions(before, after);
  for (const { reason, note } of events) context.logger.info("condition changed", { reason, note });
  await recordAll(context, events);
}

export async function recordAll(
  { events: recorder, signal, sink }: Pick<Context, "events" | "signal" | "sink">,
  events: readonly EventNote[],
): Promise<void> {
  for (const event of events) await recorder.record(subjectOf(sink), event, signal);
}

/** Whom Events are about. */
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
    action: ACTION,
    note: condition.message || condition.reason,
  };
}
