import type { KinesisSinkStatus } from "../../crds/kinesissink.generated.ts";
import { type OperatorReason, type ScalingReason, scalingReasons } from "../../crds/reasons.ts";
import { runningReplicas } from "../../crds/replicas.ts";
import { beatMs } from "../../crds/report-beat.ts";
import { effectiveReplicas } from "../desired/replicas.ts";
import type { EventNote } from "../kube/events.ts";
import { type Decision, decide } from "../scaling/decide.ts";
import { type Evidence, evidence } from "../scaling/evidence.ts";
import { type Autoscaling, scalingPolicy } from "../scaling/policy.ts";
import { type AutoscalingStatus, readState, type ScalingState, writeState } from "../scaling/state.ts";
import { facts } from "../status/facts.ts";
import type { Observed } from "../status/observed.ts";
import { totals } from "../status/totals.ts";
import type { Context } from "./context.ts";

/** What of a reconcile the scaling needs. */
export type AutoscaleContext = Pick<Context, "clock" | "memory" | "sink">;

export interface Autoscaled {
  /** For the status; undefined for a sink that the operator does not scale. */
  readonly status: AutoscalingStatus | undefined;
  /** To be told once the status is written. */
  readonly events: readonly EventNote[];
  /** After how long to look again even if nothing is reported. */
  readonly againAfterMs: number | undefined;
}

/** Each decision may be a write, and reports of many workers come every second. Milliseconds. */
const EVERY_MS = 15_000;
/** Reasons that somebody may want to change something for. */
const TOLD: ReadonlySet<string> = new Set<ScalingReason>(["ShardsLimit", "AtMaximum"]);
const ACTION = "Scale";

/**
 * Decides how many workers a sink with `spec.autoscaling` is to have. The number goes to the status, and is acted on by the
 * reconcile that finds it there: so whoever leads next goes on from what was decided, whatever was done about it.
 * @param known `status.autoscaling` as it is
 */
export function autoscale(
  context: AutoscaleContext,
  observed: Observed,
  known: KinesisSinkStatus["autoscaling"],
): Autoscaled {
  const { clock, memory, sink } = context;
  const given = sink.spec.autoscaling;
  if (!given) return { status: undefined, events: [], againAfterMs: undefined };
  // What runs is of an earlier spec, and its number with it.
  if (observed.refused) return { status: known, events: [], againAfterMs: undefined };
  const ignored = ignoredReplicas(sink.spec.replicas, known);
  const state = readState(known, runningReplicas(sink));
  if (effectiveReplicas(sink) === 0) {
    memory.decidedAt = undefined;
    const stopped = { reason: "Stopped", message: scalingReasons.Stopped.meaning } as const;
    const status = statusOf({ ...state, pending: undefined }, stopped, known, ignored.specReplicas);
    return { status, events: ignored.events, againAfterMs: undefined };
  }
  const wait = memory.decidedAt === undefined ? 0 : memory.decidedAt + EVERY_MS - clock.now();
  if (known && wait > 0 && ignored.events.length === 0 && isWithin(state, given)) {
    return { status: known, events: [], againAfterMs: known.pending ? wait : undefined };
  }
  memory.decidedAt = clock.now();
  const seen = evidenceOf(context, observed);
  const decision = decide(state, seen, scalingPolicy(given));
  const source = given.targetLagSeconds === undefined ? {} : { lagSource: seen.lagSource };
  return {
    status: { ...statusOf(decision.state, decision, known, ignored.specReplicas), ...source },
    events: [...ignored.events, ...decided(decision, known)],
    againAfterMs: decision.againAt === undefined ? undefined : Math.max(0, decision.againAt - seen.now),
  };
}

function isWithin({ replicas }: ScalingState, { minReplicas, maxReplicas }: Autoscaling): boolean {
  return replicas >= minReplicas && replicas <= maxReplicas;
}

function evidenceOf({ clock, sink }: AutoscaleContext, observed: Observed): Evidence {
  const { ready, reports } = facts(observed);
  const ordered = sink.spec.config.retainOrdering;
  return evidence({
    now: clock.wall(),
    beatMs: beatMs(runningReplicas(sink)),
    ready: ready.length,
    reports,
    totals: totals(reports, ordered),
    ordered,
  });
}

function statusOf(
  state: ScalingState,
  { reason, message, change }: Pick<Decision, "reason" | "message"> & Partial<Pick<Decision, "change">>,
  known: KinesisSinkStatus["autoscaling"],
  specReplicas: number,
): AutoscalingStatus {
  const lastDecision = change ?? known?.lastDecision;
  return {
    ...writeState(state),
    reason,
    message,
    ...(lastDecision === undefined ? {} : { lastDecision }),
    specReplicas,
  };
}

/** The Events that a decision deserves: of each change, and of what keeps a change from being made. */
function decided({ change, message, reason }: Decision, known: KinesisSinkStatus["autoscaling"]): EventNote[] {
  if (change !== undefined) return [{ type: "Normal", reason, action: ACTION, note: change }];
  if (!TOLD.has(reason) || known?.reason === reason) return [];
  return [
    { type: "Warning", reason, action: ACTION, note: `the sink stays at ${known?.replicas} workers: ${message}` },
  ];
}

/** Who scales the sink by hand, or by another autoscaler, is told once that nobody listens. */
function ignoredReplicas(
  replicas: number,
  known: KinesisSinkStatus["autoscaling"],
): { specReplicas: number; events: EventNote[] } {
  const before = known?.specReplicas;
  if (before === undefined) return { specReplicas: replicas, events: [] };
  // 0 stops the sink, and the number from before it starts the sink again.
  if (replicas === 0 || replicas === before) return { specReplicas: before, events: [] };
  const note = `spec.replicas ${replicas} has no effect while spec.autoscaling is there, which has chosen ${known?.replicas}: change minReplicas and maxReplicas, or remove spec.autoscaling`;
  const reason = "ReplicasIgnored" satisfies OperatorReason;
  return { specReplicas: replicas, events: [{ type: "Normal", reason, action: ACTION, note }] };
}
