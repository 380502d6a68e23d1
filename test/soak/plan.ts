/** What goes wrong, when, and for how long: all of it from one seed. */
import { createRandom } from "../worker/pipeline/simulation/random.ts";

export const FAULT_KINDS = [
  "broker killed",
  "topic unloaded",
  "endpoint down",
  "endpoint slow",
  "endpoint throttling",
  "stream resharded",
  "stream made anew",
  "topic made anew",
  "worker killed",
  "network cut",
  "topic stuck",
  "hostile messages",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PlannedFault {
  readonly kind: FaultKind;
  /** Seconds after the beginning. */
  readonly at: number;
  /** How long what is wrong stays so, seconds; what heals then takes its own time. */
  readonly seconds: number;
  /** For the choices within it: which topic, which worker. */
  readonly seed: number;
}

export interface SoakOptions {
  readonly seed: number;
  /** Of load, seconds. */
  readonly seconds: number;
  /** From fault to fault, seconds. */
  readonly every: number;
  /** At the end, without faults, seconds. */
  readonly quiet: number;
  /** Messages a second, into each pipeline. */
  readonly rate: number;
}

const SHORTEST_SECONDS = 0.2;
const LONGEST_SECONDS = 20;
/** How often each kind occurs at least, where there is time for it. */
const LEAST_TIMES = 2;

/** The first fault comes when there was no fault for as long as between two. */
export function plan({ seed, seconds, every, quiet }: SoakOptions): readonly PlannedFault[] {
  const random = createRandom(seed);
  const count = Math.max(0, Math.floor((seconds - quiet) / every));
  const longest = Math.min(LONGEST_SECONDS, every / 2);
  let pool: FaultKind[] = Array.from({ length: LEAST_TIMES }, () => FAULT_KINDS).flat();
  return Array.from({ length: count }, (_, index) => {
    if (pool.length === 0) pool = [...FAULT_KINDS];
    const [kind] = pool.splice(random.integer(0, pool.length - 1), 1) as [FaultKind];
    // As many short ones as long ones, by orders of magnitude.
    const length = SHORTEST_SECONDS * (longest / SHORTEST_SECONDS) ** random.next();
    return { kind, at: (index + 1) * every - longest, seconds: length, seed: random.integer(0, 2 ** 31) };
  });
}
