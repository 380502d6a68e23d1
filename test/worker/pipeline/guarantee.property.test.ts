import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { breachesOf, explain } from "./simulation/breaches.ts";
import { NO_FAULTS } from "./simulation/model-kinesis.ts";
import { type RunResult, type Scenario, simulate } from "./simulation/world.ts";

const RUNS = Number(process.env["PROPERTY_RUNS"] ?? 150);
/** Set to repeat a run that fast-check reported. */
const SEED = process.env["PROPERTY_SEED"];
/** Whether a run that fails is made smaller, which takes a while. */
const SHRINK = process.env["PROPERTY_SHRINK"] !== "no";

/** A probability in steps of a hundredth: doubles would mostly be too small to make anything happen. */
const percent = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min, max }).map((hundredths) => hundredths / 100);
const some = (max: number): fc.Arbitrary<number> => percent(0, max);
const few = (max: number): fc.Arbitrary<number> => fc.oneof(fc.constant(0), fc.integer({ min: 1, max }));

const calmScenario: { [Field in keyof Scenario]: fc.Arbitrary<Scenario[Field]> } = {
  seed: fc.noShrink(fc.integer({ min: 0, max: 2 ** 31 })),
  ordered: fc.constant(true),
  workers: fc.integer({ min: 1, max: 3 }),
  topics: fc.integer({ min: 1, max: 3 }),
  keys: fc.integer({ min: 1, max: 4 }),
  entries: fc.integer({ min: 1, max: 60 }),
  entrySize: fc.integer({ min: 1, max: 5 }),
  budgetBytes: fc.constant(3_000),
  shards: fc.integer({ min: 1, max: 4 }),
  latencyMs: fc.constantFrom(1, 20, 200, 1_500),
  requestTimeoutMs: fc.constantFrom(6_000, 6_000, 30_000),
  eventfulMs: fc.constant(60_000),
  maxRecords: fc.constantFrom(1, 3, 500),
  faults: fc.constant(NO_FAULTS),
  handOvers: few(6),
  cutOffs: few(3),
  stalls: few(2),
  apiFails: fc.oneof(fc.constant(0), some(60)),
  crashes: few(3),
  restarts: few(2),
  reshards: few(4),
  remakes: few(2),
  aggregation: fc.boolean(),
  lingerMs: fc.constantFrom(0, 0, 50, 2_000),
  rateLimit: fc.constantFrom(150, 1),
  listable: fc.oneof(fc.constant(true), fc.boolean()),
  autos: fc.constant(0),
  outages: few(2),
  undecodable: few(2),
  refused: few(2),
  deadLetters: fc.boolean(),
};

const faults = fc.record({
  recordFails: some(50),
  refused: some(30),
  cut: some(20),
  lostAnswer: some(20),
  silent: some(20),
  miscounted: some(10),
  unsure: some(10),
  looksFail: some(50),
  executedLate: fc.constant(0),
  slowToLeave: some(20),
  heldByKernel: some(30),
  misordered: fc.constant(0),
});

/** What a run of all these tests must have met, or it would prove little. */
const CLASSES = [
  ...["a failed record", "a throttled record", "a record without an answer of its own", "a refused record"],
  ...["a refused request", "a throttled request", "a request that nobody executes or answers", "a cut connection"],
  ...["an answer that does not come in time", "an answer with another number of records"],
  ...["a stream that is not ready", "a stream that ignores hash keys", "a look at the stream that fails"],
  ...["a split", "a merge", "a stream made anew", "a stream that does not exist"],
  ...["a hand-over", "an unloaded topic", "a worker that is cut off", "a crash", "a restart", "a redelivery"],
  ...["a cut shorter than a lease", "a worker that stands still", "a request that is slow to leave"],
  ...["bytes that a kernel holds", "bytes that a reset drops", "an API server that is not reached"],
  "a mark that is taken",
  ...["a schema that cannot be fetched", "a dead letter without a receipt"],
  ...["a late execution", "a record out of order"],
];

const seen = { runs: 0, aggregates: 0, strays: 0, met: new Set<string>() };

async function run(scenario: Scenario): Promise<RunResult> {
  const result = await simulate(scenario);
  seen.runs += 1;
  seen.aggregates += result.kinesis.aggregates;
  seen.strays += result.kinesis.strays;
  for (const what of result.met.keys()) seen.met.add(what);
  return result;
}

async function holds(scenario: Scenario): Promise<void> {
  const result = await run(scenario);
  const breaches = breachesOf(scenario, result);
  assert.ok(breaches.length === 0, explain(scenario, result, breaches));
}

const parameters = { numRuns: RUNS, endOnFailure: !SHRINK, ...(SEED === undefined ? {} : { seed: Number(SEED) }) };

describe("the guarantee", () => {
  after(() => {
    // Not where single tests were picked by name.
    if (seen.runs < 5 * RUNS) return;
    assert.ok(seen.aggregates > 0, "aggregates were sent");
    assert.ok(seen.strays > 0, "aggregates landed in other shards than predicted");
    assert.deepEqual([...seen.met].toSorted(), CLASSES.toSorted());
  });

  test("ordered: holds under every interleaving of faults, hand-overs, crashes and shard changes", async () => {
    await fc.assert(fc.asyncProperty(fc.record({ ...calmScenario, faults }), holds), parameters);
  });

  test("ordered: holds when several owners follow one another, are cut off, and have bytes on their way", async () => {
    const scenario = fc.record({
      ...calmScenario,
      workers: fc.integer({ min: 2, max: 3 }),
      topics: fc.constant(1),
      keys: fc.integer({ min: 2, max: 4 }),
      // There is always something to write, and each new owner has the time for it.
      entries: fc.constant(200),
      entrySize: fc.constant(4),
      budgetBytes: fc.constant(30_000),
      eventfulMs: fc.constant(200_000),
      shards: fc.constant(1),
      latencyMs: fc.constantFrom(20, 200, 400),
      faults: fc.record({
        ...Object.fromEntries(Object.entries(NO_FAULTS).map(([fault, none]) => [fault, fc.constant(none)])),
        cut: some(6),
        lostAnswer: some(8),
        slowToLeave: some(10),
        heldByKernel: some(10),
      }) as typeof faults,
      handOvers: fc.integer({ min: 6, max: 12 }),
      cutOffs: fc.integer({ min: 4, max: 12 }),
      reshards: fc.constant(0),
      remakes: fc.constant(0),
      lingerMs: fc.constant(0),
      rateLimit: fc.constant(150),
      outages: fc.constant(0),
      undecodable: fc.constant(0),
      refused: fc.constant(0),
    });
    await fc.assert(fc.asyncProperty(scenario, holds), parameters);
  });

  test("unordered: nothing is lost under the same faults", async () => {
    const scenario = fc.record({ ...calmScenario, faults, ordered: fc.constant(false) });
    await fc.assert(fc.asyncProperty(scenario, holds), parameters);
  });

  test("a stream that starts to ignore hash keys costs order at most, and only of what was written meanwhile", async () => {
    const auto = fc.record({
      ...calmScenario,
      faults,
      ordered: fc.boolean(),
      autos: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(fc.asyncProperty(auto, holds), parameters);
  });

  test("late executions may rewind too far, but lose nothing, and are counted where an answer shows them", async () => {
    const late = fc.record({
      recordFails: some(30),
      refused: some(20),
      cut: some(20),
      lostAnswer: some(20),
      silent: fc.constant(0),
      miscounted: some(10),
      unsure: some(10),
      looksFail: some(50),
      executedLate: percent(5, 30),
      slowToLeave: some(20),
      heldByKernel: some(30),
      misordered: some(30),
    });
    let lateExecutions = 0;
    let outOfOrder = 0;
    const check = async (scenario: Scenario): Promise<void> => {
      const result = await run(scenario);
      const breaches = [...breachesOf(scenario, result)];
      if (result.outOfOrder > result.kinesis.misordered)
        breaches.push("more records counted as out of order than were");
      assert.ok(breaches.length === 0, explain(scenario, result, breaches));
      lateExecutions += result.kinesis.lateExecutions;
      outOfOrder += result.outOfOrder;
    };
    await fc.assert(fc.asyncProperty(fc.record({ ...calmScenario, faults: late }), check), parameters);
    assert.ok(lateExecutions > 0, "late executions were generated");
    assert.ok(outOfOrder > 0, "records out of order were counted");
  });
});
