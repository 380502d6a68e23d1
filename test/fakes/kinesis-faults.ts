/** What may go wrong with one PutRecords or PutRecord request. */
export type Fault =
  /** Answered with an error; nothing executed. */
  | { readonly kind: "reject"; readonly code: string; readonly status?: number; readonly message?: string }
  /** These records fail, the others are executed. */
  | { readonly kind: "failRecords"; readonly indices: readonly number[]; readonly code: string }
  /** Executed at once, answered after `ms`. */
  | { readonly kind: "answerLate"; readonly ms: number }
  /** Executed after `ms`, whether or not the client still waits; then answered. */
  | { readonly kind: "executeLate"; readonly ms: number }
  /** Executed; the headers of the answer are sent, its body never ends. */
  | { readonly kind: "stall" }
  /** The connection is cut, after execution or before it. */
  | { readonly kind: "cut"; readonly executed: boolean }
  /** No answer ever; executed or not. */
  | { readonly kind: "silent"; readonly executed: boolean }
  /** Executed; the answer leaves out its last record. */
  | { readonly kind: "shortAnswer" }
  /** Executed; the answer is not JSON. */
  | { readonly kind: "garbage" };

export interface FaultPlan {
  /** Before every request is executed, milliseconds. */
  latencyMs: number;
  /** Served one request after the other at this pace, whether or not the client still waits; undefined: no limit. */
  recordsPerSecond: number | undefined;
  /** Each record fails with this probability. */
  recordFailure: { readonly probability: number; readonly code: string } | undefined;
  /** Each request meets at most one of these, drawn in this order. */
  random: readonly { readonly probability: number; readonly fault: Fault }[];
  /** Faults of the next requests, one each; null is none. They go before the random ones. */
  readonly script: (Fault | null)[];
}

export interface Faults {
  readonly plan: FaultPlan;
  /** The next requests meet these, one each. */
  next(...faults: readonly (Fault | null)[]): void;
  set(change: Partial<FaultPlan>): void;
  reset(): void;
  /** Milliseconds until a request that has just arrived is executed. */
  wait(records: number): number;
  /** The fault of a request that has just arrived. */
  draw(): Fault | null;
  recordFails(): boolean;
}

/** Draws from a seeded generator, so that a failing test can be run again. */
export function createFaults(seed: number): Faults {
  const random = mulberry32(seed);
  const plan: FaultPlan = {
    latencyMs: 0,
    recordsPerSecond: undefined,
    recordFailure: undefined,
    random: [],
    script: [],
  };
  let freeAt = 0;
  return {
    plan,
    next(...faults) {
      plan.script.push(...faults);
    },
    set(change) {
      const { script, ...rest } = change;
      Object.assign(plan, rest);
      if (script !== undefined) plan.script.splice(0, plan.script.length, ...script);
    },
    reset() {
      Object.assign(plan, { latencyMs: 0, recordsPerSecond: undefined, recordFailure: undefined, random: [] });
      plan.script.length = 0;
    },
    wait(records) {
      const { latencyMs, recordsPerSecond } = plan;
      if (recordsPerSecond === undefined) return latencyMs;
      const now = performance.now();
      freeAt = Math.max(freeAt, now) + (records * 1_000) / recordsPerSecond;
      return latencyMs + freeAt - now;
    },
    draw() {
      const scripted = plan.script.shift();
      if (scripted !== undefined) return scripted;
      return plan.random.find(({ probability }) => random() < probability)?.fault ?? null;
    },
    recordFails: () => plan.recordFailure !== undefined && random() < plan.recordFailure.probability,
  };
}

/** A small public-domain generator (mulberry32): numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
