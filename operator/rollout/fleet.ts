import type { Place } from "./judge.ts";
import type { RolloutPolicy } from "./policy.ts";
import { type Counts, freeSlots, type Halt, halt, mayBegin, openTurn, TURNS, type Turn } from "./turns.ts";

/** What a sink hears when it says its place. */
export interface Answer {
  /** It has its turn, until its place is another or it gives the turn back. */
  readonly begins: boolean;
  /** What keeps everybody who waits from beginning. */
  readonly halt: Halt | undefined;
  /** It waits, and not every sink is known yet, so nobody begins. */
  readonly unsure: boolean;
  /** It began before, and was not Ready in time. */
  readonly fails: boolean;
}

/** All sinks, as far as a change goes that came with the operator. Each call takes the same time, however many there are. */
export interface Fleet {
  /** There is such a sink; nobody begins before its place is known. */
  expect(key: string): void;
  /** What the sink is now. One that is to roll begins if it may. */
  enter(key: string, place: Place): Answer;
  /** It had its turn and could not use it: others may. It asks again when it is tried again. */
  giveBack(key: string): void;
  /** It is gone. */
  remove(key: string): void;
  report(): FleetReport;
}

export interface FleetReport extends Counts {
  /** Sinks that had their turn, and whose objects could not be written. */
  readonly blocked: number;
  readonly halt: Halt | undefined;
}

export interface FleetOptions {
  readonly policy: RolloutPolicy;
  /** Brings a sink to say its place, for its turn has come. */
  readonly call: (key: string) => void;
  /** Whether every sink that can be seen was announced. */
  readonly complete: () => boolean;
}

/** One whose turn has come is called, and is counted on until it answers. */
interface Entry {
  readonly state: Place["state"] | "called" | "blocked";
  readonly turn: Turn;
}

/**
 * Gives sinks their turns. It knows nothing but what they are now, and each says that by what the cluster shows of it: a new
 * leader, that has heard them all, goes on where the former one stopped.
 */
export function createFleet(options: FleetOptions): Fleet {
  return new WaitingFleet(options);
}

class WaitingFleet implements Fleet {
  readonly #options: FleetOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #unknown = new Set<string>();
  /** Those that wait and were not called, by their turn, first come first. */
  readonly #waiting: Readonly<Record<Turn, Set<string>>> = { canary: new Set(), regular: new Set(), last: new Set() };
  readonly #rolling: Record<Turn, number> = { canary: 0, regular: 0, last: 0 };
  readonly #called: Record<Turn, number> = { canary: 0, regular: 0, last: 0 };
  #running = 0;
  #failed = 0;
  #blocked = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  expect(key: string): void {
    if (!this.#entries.has(key)) this.#unknown.add(key);
  }

  enter(key: string, place: Place): Answer {
    const { policy } = this.#options;
    const before = this.#entries.get(key)?.state;
    this.#unknown.delete(key);
    this.#forget(key);
    const unsure = place.state === "pending" && !this.#isSure();
    const begins = place.state === "pending" && !unsure && mayBegin(place.turn, this.#counts(1), policy);
    this.#add(key, { state: begins ? "rolling" : place.state, turn: "turn" in place ? place.turn : "regular" });
    this.#callNext();
    const fails = before === "rolling" && place.state === "failed";
    return { begins, halt: halt(this.#counts(), policy), unsure, fails };
  }

  giveBack(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.state !== "rolling") return;
    this.#forget(key);
    this.#add(key, { state: "blocked", turn: entry.turn });
    this.#callNext();
  }

  remove(key: string): void {
    this.#unknown.delete(key);
    this.#forget(key);
    this.#callNext();
  }

  report(): FleetReport {
    const counts = this.#counts();
    return { ...counts, blocked: this.#blocked, halt: halt(counts, this.#options.policy) };
  }

  #isSure(): boolean {
    return this.#unknown.size === 0 && this.#options.complete();
  }

  /** Calls as many of those that wait as could begin beside those that were called before. */
  #callNext(): void {
    const counts = this.#counts();
    const called = TURNS.reduce((sum, turn) => sum + this.#called[turn], 0);
    let free = freeSlots(counts, this.#options.policy) - called;
    const turn = openTurn(counts);
    const waiting = this.#waiting[turn];
    if (free <= 0 || waiting.size === 0 || !this.#isSure()) return;
    for (const key of waiting) {
      if (free === 0) return;
      free -= 1;
      this.#forget(key);
      this.#add(key, { state: "called", turn });
      this.#options.call(key);
    }
  }

  /** @param more sinks that run and are not counted at the moment */
  #counts(more = 0): Counts {
    const pending = (turn: Turn) => this.#waiting[turn].size + this.#called[turn];
    return {
      running: this.#running + more,
      rolling: { ...this.#rolling },
      pending: { canary: pending("canary"), regular: pending("regular"), last: pending("last") },
      failed: this.#failed,
    };
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#count(key, entry, -1);
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#count(key, entry, 1);
  }

  #count(key: string, { state, turn }: Entry, by: 1 | -1): void {
    if (state !== "apart") this.#running += by;
    if (state === "failed") this.#failed += by;
    if (state === "blocked") this.#blocked += by;
    if (state === "rolling") this.#rolling[turn] += by;
    if (state === "called") this.#called[turn] += by;
    if (state !== "pending") return;
    if (by === 1) this.#waiting[turn].add(key);
    else this.#waiting[turn].delete(key);
  }
}
