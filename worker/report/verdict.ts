import type { WorkerState } from "../../crds/kinesissink.generated.ts";
import { type Reason, sourceReasons, streamReasons } from "../../crds/reasons.ts";
import { type PipelineState, STALLED_ABOVE } from "../pipeline/pipeline.ts";
import type { WorkerFacts } from "./facts.ts";

export interface Cause {
  readonly reason: string;
  readonly message: string;
}

export interface WorkerVerdict {
  readonly state: WorkerState;
  readonly cause: Cause | null;
  /** Data can flow now: what the readiness probe answers. */
  readonly ready: boolean;
  readonly source: { readonly connected: boolean; readonly cause: Cause | null };
  readonly stream: { readonly writable: boolean; readonly cause: Cause | null };
}

/** What the facts mean. Pure. */
export function judge(facts: WorkerFacts): WorkerVerdict {
  const source = judgeSource(facts);
  const stream = judgeStream(facts);
  const ready = facts.obstacle === null && !facts.draining && source.connected && stream.writable;
  const { state, cause } = judgeState(facts, source, stream);
  return { state, cause, ready, source, stream };
}

function judgeSource({ source }: WorkerFacts): WorkerVerdict["source"] {
  if (source === null) return { connected: false, cause: null };
  const cause = source.failure && { reason: source.failure.code, message: source.failure.message };
  return { connected: source.connected, cause: source.connected ? null : cause };
}

function judgeStream({ stream }: WorkerFacts): WorkerVerdict["stream"] {
  const { description, failure } = stream;
  // Being throttled is a matter of speed: the stream is writable.
  if (failure !== null && failure.class !== "throttled") {
    return { writable: false, cause: { reason: failure.code, message: failure.message } };
  }
  return { writable: description !== null, cause: null };
}

function judgeState(
  facts: WorkerFacts,
  source: WorkerVerdict["source"],
  stream: WorkerVerdict["stream"],
): { state: WorkerState; cause: Cause | null } {
  const { obstacle, pipeline } = facts;
  if (facts.draining) return { state: "Draining", cause: null };
  if (obstacle !== null) return { state: "Stalled", cause: { reason: obstacle.code, message: obstacle.message } };
  if (facts.stream.failure !== null && stream.cause !== null) {
    return { state: stateOf(streamReasons[facts.stream.failure.code]), cause: stream.cause };
  }
  if (facts.source?.failure && source.cause !== null) {
    return { state: stateOf(sourceReasons[facts.source.failure.code]), cause: source.cause };
  }
  const held = pipeline && poisonCause(pipeline, facts.ordered);
  if (held) return { state: "Stalled", cause: held };
  if (pipeline?.sourceFailure) {
    return {
      state: "Waiting",
      cause: { reason: pipeline.sourceFailure.code, message: pipeline.sourceFailure.message },
    };
  }
  return source.connected && stream.writable ? { state: "Running", cause: null } : { state: "Starting", cause: null };
}

function stateOf(reason: Reason): WorkerState {
  return reason.stalls ? "Stalled" : "Waiting";
}

/** One poison message holds its topic-partition in an ordered pipeline; an unordered one sets many aside and flows on. */
function poisonCause(pipeline: PipelineState, ordered: boolean): Cause | null {
  const { poison, poisonCount, pending, pendingBytes, budgetBytes } = pipeline;
  const [first] = poison;
  if (first === undefined) return null;
  const message = `message ${first.messageId} of ${first.topic} cannot be delivered (${first.code}): ${first.message}`;
  if (ordered) return { reason: "PoisonMessage", message };
  // With nothing else pending, nothing but a mended poison makes room again.
  const full = pending <= poisonCount && pendingBytes >= budgetBytes;
  if (poisonCount <= STALLED_ABOVE && !full) return null;
  const what = full ? "fill the worker's memory, so that it receives nothing" : "are set aside";
  return {
    reason: "TooManyParked",
    message: `${poisonCount} messages that cannot be delivered ${what}; the first: ${message}`,
  };
}
