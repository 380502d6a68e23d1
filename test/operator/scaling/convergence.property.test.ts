/** A sink under a load, with workers that start slowly and reports that are off, ends at a number of workers that does. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { POLICY } from "./fixture.ts";
import { type Outcome, type SimulatedSink, simulate } from "./simulated-sink.ts";

const RUNS = 40;
const HOURS = 10;
/** From here on no worker is to be added, and few to be taken away. */
const SETTLED_SECOND = 6 * 3600;

/** Pseudo-random and the same for the same seed, by a hash of the second. */
function noiseOf(seed: number): (second: number) => number {
  return (second) => {
    let hash = Math.imul(second + 1, 0x9e3779b1) ^ seed;
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 31 - 1;
  };
}

interface Case {
  readonly sink: SimulatedSink;
  /** Workers whose capacity the load is, in the end. */
  readonly needed: number;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    target: fc.constantFrom("lag", "backlog", "both"),
    least: fc.integer({ min: 1, max: 3 }),
    most: fc.integer({ min: 6, max: 40 }),
    start: fc.integer({ min: 1, max: 6 }),
    capacity: fc.integer({ min: 50, max: 5000 }),
    /** Parts of what all workers together can deliver, one after the other; the last lasts. */
    steps: fc.array(fc.double({ min: 0.02, max: 0.75, noNaN: true }), { minLength: 1, maxLength: 3 }),
    startSeconds: fc.integer({ min: 5, max: 240 }),
    noisePercent: fc.integer({ min: 0, max: 12 }),
    seed: fc.integer(),
    upSeconds: fc.integer({ min: 0, max: 300 }),
  })
  .map((given) => {
    const { capacity, most, least, steps, target } = given;
    const loads = steps.map((part) => part * most * capacity);
    const policy = {
      ...POLICY,
      least,
      most,
      targetLagSeconds: target === "backlog" ? undefined : 60,
      targetBacklog: target === "lag" ? undefined : capacity * 30,
      upMs: given.upSeconds * 1000,
    };
    const sink: SimulatedSink = {
      policy,
      start: Math.min(most, Math.max(least, given.start)),
      capacity,
      load: (second) => loads[Math.min(loads.length - 1, Math.floor(second / 3600))] ?? 0,
      startSeconds: given.startSeconds,
      noise: noiseOf(given.seed),
      noisePercent: given.noisePercent,
      hours: HOURS,
    };
    return { sink, needed: (loads.at(-1) ?? 0) / capacity };
  });

function holds(outcome: Outcome, { sink, needed }: Case): void {
  const { least, most } = sink.policy;
  for (const number of outcome.numbers) assert.ok(number >= least && number <= most, `${number} is out of bounds`);
  const late = outcome.changes.filter(({ second }) => second >= SETTLED_SECOND);
  // With reports that are off it may take long until one worker less is seen to do, all the time.
  assert.ok(
    late.length <= 2 && late.every(({ from, to }) => to === from - 1),
    `it does not come to rest: ${late.length}`,
  );
  // A tenth over the target is left, and it grows on until it is acted on.
  assert.ok(outcome.lagSeconds <= 90, `the lag is ${outcome.lagSeconds} s in the end`);
  assert.ok(outcome.replicas >= Math.floor(needed), `${outcome.replicas} for a load of ${needed}`);
  assert.ok(
    outcome.replicas <= Math.max(least, Math.ceil(needed * 2) + 1),
    `${outcome.replicas} for a load of ${needed}`,
  );
  const turns = outcome.changes.filter(({ from, to }, index) => {
    const before = outcome.changes[index - 1];
    return before !== undefined && to > from !== before.to > before.from;
  });
  assert.ok(turns.length <= 8, `it turns ${turns.length} times`);
}

describe("autoscaling", () => {
  test("comes to rest within its bounds after every step of the load, at a number that does and is not twice too many", () => {
    fc.assert(
      fc.property(cases, (one) => holds(simulate(one.sink), one)),
      { numRuns: RUNS },
    );
  });

  test("adds no worker while the stream takes no more, however long", () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 5 }), (one, workers) => {
        const { capacity, policy } = one.sink;
        const start = Math.min(policy.most, Math.max(policy.least, workers));
        const streamLimit = start * capacity;
        const load = () => streamLimit * 1.5;
        const { changes, reasons } = simulate({ ...one.sink, start, streamLimit, load, noisePercent: 0, hours: 2 });
        assert.deepEqual(changes, []);
        assert.ok(start >= policy.most || reasons.has("ShardsLimit"));
      }),
      { numRuns: RUNS },
    );
  });
});
