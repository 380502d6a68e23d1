/** What the sender asks of its neighbours: where records come from, and who is told what became of them. */
import type { RecordOutcome, SinkFailure } from "../../sink/sink.ts";
import type { Batch } from "./batch.ts";
import type { OutboundRecord } from "./outbound-record.ts";

/** Where the sender gets records from. */
export interface Supply<R extends OutboundRecord> {
  /** Nothing may be written now, not even what was taken from it before. */
  readonly paused: boolean;
  /** Records that came since this was asked last. */
  takeArrived(): number;
  /** Records that `fill` would find now, roughly. */
  waiting(): number;
  /** Moves what may be written now into the batch. */
  fill(batch: Batch<R>, now: number): void;
  /** The record's outcome is known: it is on its way no longer. Called once for each record that was taken. */
  returned(record: R): void;
}

export type Accepted = Extract<RecordOutcome, { accepted: true }>;

/** What becomes of the records: each that was taken from the supply has one outcome. */
export interface OutcomeHandler<R extends OutboundRecord> {
  accepted(record: R, outcome: Accepted): void;
  /**
   * To be tried again.
   * @param down the stream counts as down: that is no further failure of this record
   */
  failed(record: R, failure: SinkFailure, down: boolean): void;
  /** Refused by the service for its content. */
  refused(record: R, failure: SinkFailure): void;
  /** All records of an answer were handed out. */
  settled(): void;
}
