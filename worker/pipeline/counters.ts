import type { SinkFailure } from "../sink/sink.ts";
import type { Delivery, SourceFailure } from "../source/source.ts";

/** What `PipelineState` reports, while it grows. */
export interface Counters {
  received: number;
  delivered: number;
  deliveredBytes: number;
  requests: number;
  records: number;
  retries: number;
  throttled: number;
  outOfOrder: number;
  deadLettered: number;
  redelivered: number;
  pending: number;
  sinkFailure: SinkFailure | null;
  sourceFailure: SourceFailure | null;
}

export function createCounters(): Counters {
  return {
    received: 0,
    delivered: 0,
    deliveredBytes: 0,
    requests: 0,
    records: 0,
    retries: 0,
    throttled: 0,
    outOfOrder: 0,
    deadLettered: 0,
    redelivered: 0,
    pending: 0,
    sinkFailure: null,
    sourceFailure: null,
  };
}

/** As `PipelineState` shows them. With nothing left to be sent no request would ever tell that a failure is over. */
export function reported(counters: Counters): Counters {
  return counters.pending === 0 ? { ...counters, sinkFailure: null } : { ...counters };
}

export function countReceived(counters: Counters, delivery: Delivery): void {
  const count = delivery.messages.length;
  counters.received += count;
  if (delivery.redeliveryCount > 0) counters.redelivered += count;
}

/** The least of these; null when there is none. */
export function oldestPublishTime(times: Iterable<number | undefined>): number | null {
  let oldest = Number.POSITIVE_INFINITY;
  for (const time of times) {
    if (time !== undefined && time < oldest) oldest = time;
  }
  return oldest === Number.POSITIVE_INFINITY ? null : oldest;
}
