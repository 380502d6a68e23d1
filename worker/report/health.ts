import {
  type PoisonReason,
  type Reason,
  type SourceReason,
  type StreamReason,
  sourceReasons,
  streamReasons,
  type WorkerReason,
} from "../../crds/reasons.ts";
import type { WorkerState } from "../../crds/status-values.ts";
import { type PipelineState, type PoisonReport, STALLED_ABOVE } from "../pipeline/pipeline.ts";
import type { SinkFailureCode } from "../sink/sink.ts";
import type { SourceFailureCode } from "../source/source.ts";
import type { WorkerFacts } from "./facts.ts";

/** Why a worker does not work, in the form that its entry has. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
}

export interface WorkerHealth {
  readonly state: WorkerState;
  readonly cause: Cause | null;
  /** Data can flow now: what the readiness probe answers. */
  readonly ready: boolean;
  readonly source: { readonly connected: boolean; readonly cause: Cause | null };
  readonly stream: { readonly writable: boolean; readonly cause: Cause | null };
}

/** Compiles only when all that is in `Part` is in `Whole`. */
type Within<Whole extends string, Part extends Whole> = Part;

type PoisonCode = PoisonReport["code"];

/**
 * The codes that a worker's parts give are the reasons that crds/reasons.ts documents: none is missing there, and none is
 * there that nobody gives.
 */
export type DocumentedReason =
  | WorkerReason
  | (Within<SourceReason, SourceFailureCode> & Within<SourceFailureCode, SourceReason>)
  | (Within<StreamReason, SinkFailureCode> & Within<SinkFailureCode, StreamReason>)
  | (Within<PoisonReason, PoisonCode> & Within<PoisonCode, PoisonReason>);

/** What the facts mean. Pure. */
export function workerHealth(facts: WorkerFacts): WorkerHealth {
  const source = sourceHealth(facts);
  const stream = streamHealth(facts);
  const ready = facts.startFailure === null && !facts.draining && source.connected && stream.writable;
  return { ...stateAndCause(facts, source, stream), ready, source, stream };
}

function sourceHealth({ source }: WorkerFacts): WorkerHealth["source"] {
  if (source === null) return { connected: false, cause: null };
  return { connected: source.connected, cause: source.connected ? null : source.failure && causeOf(source.failure) };
}

function streamHealth({ stream }: WorkerFacts): WorkerHealth["stream"] {
  const { description, failure } = stream;
  // Being throttled is a matter of speed: the stream is writable.
  if (failure !== null && failure.class !== "throttled") return { writable: false, cause: causeOf(failure) };
  return { writable: description !== null, cause: null };
}

function stateAndCause(
  facts: WorkerFacts,
  source: WorkerHealth["source"],
  stream: WorkerHealth["stream"],
): Pick<WorkerHealth, "state" | "cause"> {
  const { startFailure, pipeline } = facts;
  if (facts.draining) return { state: "Draining", cause: null };
  if (startFailure !== null) {
    return { state: "Stalled", cause: { reason: startFailure.code, message: startFailure.message } };
  }
  if (facts.stream.failure !== null && stream.cause !== null) {
    return { state: stateOf(streamReasons[facts.stream.failure.code]), cause: stream.cause };
  }
  if (facts.source?.failure && source.cause !== null) {
    return { state: stateOf(sourceReasons[facts.source.failure.code]), cause: source.cause };
  }
  const held = pipeline && poisonCause(pipeline, facts.ordered, facts.source?.fullTopic ?? null);
  if (held) return { state: "Stalled", cause: held };
  if (pipeline?.sourceFailure) return { state: "Waiting", cause: causeOf(pipeline.sourceFailure) };
  const stuck = pipeline && stuckCause(pipeline);
  if (stuck) return { state: "Waiting", cause: stuck };
  return { state: source.connected && stream.writable ? "Running" : "Starting", cause: null };
}

function causeOf({ code, message }: { readonly code: DocumentedReason; readonly message: string }): Cause {
  return { reason: code, message };
}

function stateOf(reason: Reason): WorkerState {
  return reason.stalls ? "Stalled" : "Waiting";
}

function stuckCause({ heldBack, heldBackPartitions }: PipelineState): Cause | null {
  if (heldBack === null) return null;
  const why = heldBack.why === null ? "" : `: ${heldBack.why}`;
  const what = `${heldBackPartitions} topic-partitions do not move and get one entry at a time, for the others to flow`;
  return causeOf({ code: "PartitionsStuck", message: `${what}; the first: ${heldBack.topic}${why}` });
}

/** One poison message holds its topic-partition in an ordered pipeline; an unordered one sets many aside and flows on. */
function poisonCause(pipeline: PipelineState, ordered: boolean, fullTopic: string | null): Cause | null {
  const { poison, poisonCount, pending, pendingBytes, budgetBytes, stuckPartitions } = pipeline;
  const [first] = poison;
  if (first === undefined) return null;
  const message = `message ${first.messageId} of ${first.topic} cannot be delivered (${first.code}): ${first.message}`;
  if (ordered) return causeOf({ code: "PoisonMessage", message });
  // With nothing else pending, nothing but a mended poison makes room again.
  const full = pending <= poisonCount && pendingBytes >= budgetBytes;
  // Their batches count whole.
  const hasLimit = fullTopic !== null && stuckPartitions > 0;
  if (poisonCount <= STALLED_ABOVE && !full && !hasLimit) return null;
  const limit = `hold as much of ${fullTopic} unacknowledged as a broker lets a consumer have, so that no more comes`;
  const what = full ? "fill the worker's memory, so that it receives nothing" : hasLimit ? limit : "are set aside";
  return causeOf({
    code: "TooManyParked",
    message: `${poisonCount} messages that cannot be delivered ${what}; the first: ${message}`,
  });
}
