export interface Finding {
  readonly target: string;
  /** Of the input among its target's. */
  readonly index: number;
  readonly failure: string;
  /** Makes the input again: `program.ts tape TARGET FILE`. */
  readonly tape: readonly number[];
  /** What the input consists of, shortened. */
  readonly parts: readonly string[];
}

export interface TargetTally {
  inputs: number;
  /** Inputs with a turn that took longer than it should, and less than it may. */
  aboveGoal: number;
  slowestMillis: number;
  findings: number;
  readonly outcomes: Record<string, number>;
}

/** What a process was at, for when it does not end as it should. */
export interface Progress {
  readonly target: string;
  /** The number of the next input of each target. */
  readonly next: Readonly<Record<string, number>>;
}

export interface Tally {
  /** As in {@link Progress}. */
  readonly next: Record<string, number>;
  peakKiB: number;
  readonly targets: Record<string, TargetTally>;
}
