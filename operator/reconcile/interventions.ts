import type { OperatorReason } from "../../crds/reasons.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { LiveSink } from "../desired/names.ts";
import type { EventNote } from "../kube/events.ts";
import { type FleetPause, freshMemory, type Memory } from "./context.ts";
import { ACTION } from "./transitions.ts";

/** Pauses a sink beside its spec, which a tool may hold to what a repository says. */
export const PAUSED_ANNOTATION = `${KINESIS_SINKS.group}/paused`;
/** Another value asks for everything to be looked at and applied anew. */
export const RECONCILE_ANNOTATION = `${KINESIS_SINKS.group}/reconcile-at`;

/** The sink as it is to be run: paused where settings or an annotation say so, whatever its spec says. */
export function intervened(sink: LiveSink, pause: FleetPause): LiveSink {
  const pausedBy = whoPauses(sink, pause);
  return pausedBy === undefined ? sink : { ...sink, pausedBy, spec: { ...sink.spec, paused: true } };
}

/** In words, with what ends it. */
function whoPauses({ metadata }: LiveSink, pause: FleetPause): string | undefined {
  if (pause.all) return "the operator pauses all sinks: messages wait in Pulsar until pause.all of its chart is false";
  if (pause.namespaces.includes(metadata.namespace)) {
    return "the operator pauses this namespace: messages wait in Pulsar until pause.namespaces of its chart lacks it";
  }
  if (metadata.annotations?.[PAUSED_ANNOTATION] !== "true") return undefined;
  return `the annotation ${PAUSED_ANNOTATION} is true: messages wait in Pulsar until it is removed`;
}

/** What is remembered of this very sink; of one that had the same name before, nothing. */
export function remembered(known: Memory | undefined, { metadata }: LiveSink): { memory: Memory; forced: boolean } {
  const asked = metadata.annotations?.[RECONCILE_ANNOTATION];
  if (known?.uid !== metadata.uid) return { memory: { ...freshMemory(metadata.uid), asked }, forced: false };
  if (known.asked === asked) return { memory: known, forced: false };
  if (asked === undefined) return { memory: { ...known, asked }, forced: false };
  // What is left is not what was done, but what is under way.
  const { merged, reports, deploymentGeneration, deploymentReplicas } = known;
  const underWay = { merged, reports, deploymentGeneration, deploymentReplicas };
  return { memory: { ...freshMemory(metadata.uid), ...underWay, asked }, forced: true };
}

export const FORCED: EventNote = {
  type: "Normal",
  reason: "ReconcileForced" satisfies OperatorReason,
  action: ACTION,
  note: `everything is applied anew, as ${RECONCILE_ANNOTATION} asks for`,
};
