import type { SourceHandler } from "../../source/source.ts";
import type { PipelineState } from "../pipeline.ts";
import type { Share } from "../share.ts";

/** Takes in what the source gives, and gives back what is done: each pipeline in its own way. */
export interface Intake extends SourceHandler {
  report(): IntakeReport;
  /** Ends the assignment, of which nothing moves, so that others have its memory; what is not done of it comes again later. */
  giveBack(share: Share): void;
  /** The pipeline drains: what is not taken in yet is left to whoever gets it next. */
  stop(): void;
  /** Everything was stopped: tells the other workers which topic-partitions are left clean. */
  leave(): Promise<void>;
  close(): void;
}

/** As the log says it. */
export const GIVEN_BACK =
  "nothing of a topic-partition moves; it is closed for others to have its memory, and tried again";

export type IntakeReport = Pick<PipelineState, "oldestPublishTime" | "overdue" | "poison" | "poisonCount">;
