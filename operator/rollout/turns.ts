import type { RolloutPolicy } from "./policy.ts";

/** When a sink rolls: canaries, then the others, and in the end those that were not Ready anyway. */
export type Turn = "canary" | "regular" | "last";

export const TURNS: readonly Turn[] = ["canary", "regular", "last"];

/** How many sinks are at what. */
export interface Counts {
  /** Sinks that run. */
  readonly running: number;
  /** Those that roll, by the turn in which they began. */
  readonly rolling: Readonly<Record<Turn, number>>;
  /** Those that are to roll, and could. */
  readonly pending: Readonly<Record<Turn, number>>;
  /** Those that rolled in their turn, and did not become Ready. */
  readonly failed: number;
}

/** What keeps every sink that waits from its turn. */
export type Halt = "paused" | "stopped";

/** How many sinks may roll at the same time; at least one, or it would never end. */
export function limitOf({ maxConcurrent }: RolloutPolicy, running: number): number {
  const limit = "sinks" in maxConcurrent ? maxConcurrent.sinks : Math.ceil((running * maxConcurrent.percent) / 100);
  return Math.max(1, limit);
}

export function halt({ failed }: Counts, { paused, maxFailures }: RolloutPolicy): Halt | undefined {
  if (paused) return "paused";
  return failed >= maxFailures ? "stopped" : undefined;
}

/** Whose turn it is. A turn is over when nobody of it waits or rolls. */
export function openTurn({ pending, rolling }: Counts): Turn {
  return TURNS.find((turn) => pending[turn] + rolling[turn] > 0) ?? "last";
}

/** How many further sinks may begin now. */
export function freeSlots(counts: Counts, policy: RolloutPolicy): number {
  if (halt(counts, policy)) return 0;
  const rolling = TURNS.reduce((sum, turn) => sum + counts.rolling[turn], 0);
  return Math.max(0, limitOf(policy, counts.running) - rolling);
}

/** Whether a sink that is not counted yet may begin. */
export function mayBegin(turn: Turn, counts: Counts, policy: RolloutPolicy): boolean {
  return freeSlots(counts, policy) > 0 && TURNS.indexOf(turn) <= TURNS.indexOf(openTurn(counts));
}
