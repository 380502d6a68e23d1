import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkGuarantee, type Numbered } from "../load/guarantee.ts";
import { FAULT_KINDS, plan } from "./plan.ts";
import { soakPlot } from "./plot.ts";
import { growthOf, pipelineResult, problemsOf, type Sample, Stalls } from "./rules.ts";
import type { Soak } from "./run.ts";
import { soakTable } from "./table.ts";

const HALF_AN_HOUR = { seed: 7, seconds: 1_800, every: 60, quiet: 120, rate: 15_000 };

describe("the plan of a soak", () => {
  test("has each kind of fault at least twice in half an hour, of 0.2 to 20 s, and two quiet minutes in the end", () => {
    for (let seed = 0; seed < 50; seed++) {
      const faults = plan({ ...HALF_AN_HOUR, seed });
      assert.equal(faults.length, 28);
      for (const kind of FAULT_KINDS) assert.ok(faults.filter((fault) => fault.kind === kind).length >= 2, kind);
      assert.ok(faults.every(({ seconds }) => seconds >= 0.2 && seconds <= 20));
      assert.ok(faults.every(({ at, seconds }) => at + seconds <= HALF_AN_HOUR.seconds - HALF_AN_HOUR.quiet));
    }
  });

  test("is the same for the same seed, and another one for another", () => {
    assert.deepEqual(plan(HALF_AN_HOUR), plan(HALF_AN_HOUR));
    assert.notDeepEqual(plan(HALF_AN_HOUR), plan({ ...HALF_AN_HOUR, seed: 8 }));
  });
});

const message = (key: string, number: number): Numbered => ({ topicPartition: "t", key, number });

describe("the rules of a soak", () => {
  test("list what is out of order after a late execution apart, and nothing else", () => {
    const produced = ["a", "b"].flatMap((key) => [1, 2, 3].map((number) => message(key, number)));
    const read = [
      ...[1, 2, 3, 1].map((number) => message("a", number)),
      ...[1, 3, 2, 3].map((number) => message("b", number)),
    ];
    const facts = { produced: 6, lateRequests: 1, lateSequences: 1, longestStall: 0 };
    const of = (isLate: (each: Numbered) => boolean) =>
      pipelineResult("ordered", checkGuarantee(produced, read, "ordered"), isLate, facts);
    assert.deepEqual([of(() => false).inversions, of(() => true).inversions, of(() => true).lateInversions], [2, 0, 2]);
    const onlyA = of(({ key }) => key === "a");
    assert.deepEqual([onlyA.inversions, onlyA.lateInversions], [1, 1]);
    assert.equal(problemsOf([of(() => true)], []).length, 0);
    assert.match(problemsOf([onlyA], [])[0] ?? "", /guarantee is broken/);
  });

  test("count time without progress of what is behind, faults left out", () => {
    const stalls = new Stalls();
    for (const [behind, moved, seconds] of [
      [true, false, 30],
      [true, false, 0],
      [true, false, 31],
      [true, true, 1],
      [true, false, 10],
      [false, false, 90],
    ] as const) {
      stalls.look("t", behind, moved, seconds);
    }
    assert.equal(stalls.longest.get("t"), 61);
  });

  test("compare the last five minutes of a process with the second five, and leave out young ones", () => {
    const samples: Sample[] = Array.from({ length: 1_501 }, (_, at) => ({
      ...{ at, produced: 0, read: [] },
      workers: [
        { name: "steady", pid: 1, age: at, rssMiB: 100 + (at % 3) },
        { name: "growing", pid: 2, age: at, rssMiB: 100 + at / 50 },
        ...(at < 900 ? [] : [{ name: "young", pid: 3, age: at - 900, rssMiB: at }]),
      ],
    }));
    const growth = growthOf(samples);
    assert.deepEqual(
      growth.map(({ name, ok }) => [name, ok]),
      [
        ["steady", true],
        ["growing", false],
      ],
    );
    assert.match(problemsOf([], growth)[0] ?? "", /growing grew from 109 to 127 MiB/);
  });
});

test("a soak is shown as a table and as a picture", () => {
  const samples: Sample[] = Array.from({ length: 61 }, (_, at) => ({
    ...{ at, produced: at * 100, read: [at * 90, at * 80] },
    workers: [{ name: "ordered-0", pid: 1, age: at, rssMiB: 120 }],
  }));
  const facts = { produced: 6_000, lateRequests: 0, lateSequences: 0, longestStall: 3 };
  const pipelines = ["ordered", "unordered"].map((mode) =>
    pipelineResult(mode, checkGuarantee([], [], "ordered"), () => false, facts),
  );
  const faults = [{ kind: "network cut", what: "ordered-0", from: 20, to: 26.5 }];
  const soak: Soak = { options: HALF_AN_HOUR, faults, samples, pipelines, growth: [], problems: [] };
  assert.match(
    soakTable(soak),
    /\| messages +\| +6,000 \| +6,000 \|.*\| network cut +\| +1 \| 6\.5 \|.*all rules hold/s,
  );
  const svg = soakPlot(soak);
  assert.equal(svg.match(/<polyline /g)?.length, 4);
  assert.match(svg, /network cut/);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
});
