import type { PipelineState } from "../pipeline/pipeline.ts";
import type { SinkFailure } from "../sink/sink.ts";

export interface LastingFailure {
  /** Takes note of the pipeline's state; `now` is monotonic milliseconds. */
  sample(now: number, state: PipelineState): void;
  /** Why records cannot be put, once that is more than a passing fault; null otherwise. */
  failure(): SinkFailure | null;
}

/** A failing request among succeeding ones is everyday life: a fault counts when nothing was delivered for so long. */
const PASSING_MS = 5000;

/** Tells faults that last from those that retries hide, so that readiness does not flicker. */
export function createLastingFailure(): LastingFailure {
  let delivered = -1;
  let progressAt = 0;
  let failure: SinkFailure | null = null;
  return {
    sample: (now, state) => {
      if (state.sinkFailure === null || state.delivered !== delivered) {
        progressAt = now;
        delivered = state.delivered;
      }
      const lasting = state.sinkFailure?.class === "notReady" || now - progressAt >= PASSING_MS;
      failure = lasting ? state.sinkFailure : null;
    },
    failure: () => failure,
  };
}
