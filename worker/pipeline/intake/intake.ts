import type { SourceHandler } from "../../source/source.ts";
import type { PipelineState } from "../pipeline.ts";

/** Takes in what the source gives, and gives back what is done: each pipeline in its own way. */
export interface Intake extends SourceHandler {
  report(): IntakeReport;
  /** The pipeline drains: what is not taken in yet is left to whoever gets it next. */
  stop(): void;
  /** Everything was stopped: tells the other workers which topic-partitions are left clean. */
  leave(): Promise<void>;
  close(): void;
}

export type IntakeReport = Pick<PipelineState, "oldestPublishTime" | "overdue" | "poison" | "poisonCount">;
