import type { PipelineState } from "../pipeline/pipeline.ts";
import type { SinkFailure, StreamDescription } from "../sink/sink.ts";
import type { SourceState } from "../source/source.ts";

/** Everything that a worker knows of itself at one moment; reports, readiness and metrics are functions of it. */
export interface WorkerFacts {
  readonly pod: string;
  readonly configHash: string | null;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly now: number;
  readonly draining: boolean;
  /** `retainOrdering` */
  readonly ordered: boolean;
  readonly client: "Wire" | "Native" | null;
  /** Why the worker cannot even begin, for example a credential parameter that is not JSON; null when it has begun. */
  readonly startFailure: StartFailure | null;
  readonly source: SourceState | null;
  readonly pipeline: PipelineState | null;
  readonly stream: {
    /** As last described; null before the first time. */
    readonly description: StreamDescription | null;
    /** Why records cannot be put now; null when they can, as far as is known. */
    readonly failure: SinkFailure | null;
  };
  /** Per second, over the last 60 s. */
  readonly rate: number;
  readonly bytesRate: number;
  /** Percent of the records of the last 60 s that were throttled. */
  readonly throttledPercent: number;
  /** Entries; null when unknown. */
  readonly backlog: number | null;
  /** Of the oldest message that waits, seconds; null when unknown, or nobody asks for it. */
  readonly backlogAge: number | null;
}

export interface StartFailure {
  /** The code of the error that was thrown, else InvalidConfiguration. */
  readonly code: string;
  readonly message: string;
}
