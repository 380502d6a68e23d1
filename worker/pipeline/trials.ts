/** Topic-partitions that gave back what they held, until something of them is done. */
import { exponential } from "../../runtime/backoff.ts";
import type { Assignment } from "../source/source.ts";
import { POISON_DELAYS } from "./retry.ts";

/** One that does not return within this time after its delay went to another worker, milliseconds. */
const GONE_AFTER_MS = 60_000;

interface Trial {
  /** How often in a row. */
  readonly times: number;
  /** It did not move; null: not known. */
  readonly why: string | null;
  /** The assignment with which it came back; null before. */
  assignment: Assignment | null;
  /** `Clock.now()` after which it is forgotten; Infinity while it is this worker's. */
  expiresAt: number;
}

/** By topic-partition. Times are of `Clock.now()`. */
export class Trials {
  readonly #trials = new Map<string, Trial>();

  get count(): number {
    return this.#trials.size;
  }

  get topics(): Iterable<string> {
    return this.#trials.keys();
  }

  get first(): { readonly topic: string; readonly why: string | null } | null {
    const [first] = this.#trials;
    return first === undefined ? null : { topic: first[0], why: first[1].why };
  }

  /** The topic-partition is given up for a while: how long, milliseconds. */
  add(topic: string, now: number, why: string | null): number {
    const times = (this.#trials.get(topic)?.times ?? 0) + 1;
    const delay = exponential(POISON_DELAYS, times - 1);
    this.#trials.set(topic, { times, why, assignment: null, expiresAt: now + delay + GONE_AFTER_MS });
    return delay;
  }

  /** The topic-partition is this worker's again; false: it did not give back anything. */
  begin(assignment: Assignment): boolean {
    const trial = this.#trials.get(assignment.topic);
    if (trial === undefined) return false;
    trial.assignment = assignment;
    trial.expiresAt = Number.POSITIVE_INFINITY;
    return true;
  }

  over(topic: string): void {
    this.#trials.delete(topic);
  }

  /** Forgets what went to other workers. */
  sweep(now: number): void {
    for (const [topic, trial] of this.#trials) {
      if (trial.assignment?.active === false) {
        trial.assignment = null;
        trial.expiresAt = now + GONE_AFTER_MS;
      } else if (now > trial.expiresAt) this.#trials.delete(topic);
    }
  }
}
