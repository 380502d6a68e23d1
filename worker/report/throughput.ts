import type { PipelineState } from "../pipeline/pipeline.ts";
import { createRate } from "./rate.ts";

/** How fast messages flow, over the last 60 s. */
export interface Throughput {
  /** Takes note of the pipeline's counters; `now` is monotonic milliseconds. */
  sample(now: number, state: PipelineState): void;
  /** Messages delivered per second. */
  messages(): number;
  /** Their record data per second. */
  bytes(): number;
  /** Percent of the records sent that were throttled. */
  throttledPercent(): number;
}

export function createThroughput(): Throughput {
  const [messages, bytes, records, throttled] = [createRate(), createRate(), createRate(), createRate()];
  return {
    sample: (now, state) => {
      messages.sample(now, state.delivered);
      bytes.sample(now, state.deliveredBytes);
      records.sample(now, state.records);
      throttled.sample(now, state.throttled);
    },
    messages: messages.perSecond,
    bytes: bytes.perSecond,
    throttledPercent: () => {
      const sent = records.perSecond();
      return sent === 0 ? 0 : (100 * throttled.perSecond()) / sent;
    },
  };
}
