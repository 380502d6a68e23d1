import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createBudget } from "../../../worker/pipeline/budget.ts";
import { partOf, toGiveBack } from "../../../worker/pipeline/shares.ts";
import { assignment } from "./messages.ts";

const bytes = fc.integer({ min: 1, max: 100_000_000 });

describe("the part of the budget that one may hold", () => {
  test("is all of it for one alone, and else leaves one part for the next", () => {
    const usage = { total: 1_200, stuckBytes: 0, assigned: 4, stuck: 0 };
    assert.equal(partOf({ ...usage, moving: 1, assigned: 1 }), Number.POSITIVE_INFINITY);
    assert.equal(partOf({ ...usage, moving: 1 }), 600);
    assert.equal(partOf({ ...usage, moving: 3 }), 300);
    assert.equal(partOf({ ...usage, moving: 4 }), 300);
    assert.equal(partOf({ ...usage, moving: 1, assigned: 1_000 }), 600);
    assert.equal(partOf({ ...usage, moving: 2, stuck: 2, stuckBytes: 400 }), 400, "there is nobody else");
  });

  test("is of what stuck ones leave, and all parts together fit into it", () => {
    fc.assert(
      fc.property(
        bytes,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 2, max: 2_000 }),
        (total, stuck, assigned) => {
          for (const moving of [0, 1, assigned - 1, assigned]) {
            const part = partOf({ total, stuckBytes: stuck * total, moving, assigned, stuck: 0 });
            assert.ok(part * moving <= total * (1 - stuck) + total * 1e-6);
            if (moving < assigned)
              assert.ok(part * (moving + 1) <= total * (1 - stuck) + total * 1e-6, "there is one for the next");
          }
        },
      ),
    );
  });
});

describe("what is stuck", () => {
  test("gives back the longest first, no more than it must, until it holds half at most", () => {
    const holder = fc.record({ held: bytes, stillMs: fc.integer({ min: 10_000, max: 10_000_000 }) });
    fc.assert(
      fc.property(bytes, fc.array(holder, { maxLength: 200 }), (total, stuck) => {
        const given = toGiveBack(stuck, total);
        const kept = stuck.filter((each) => !given.includes(each));
        const sum = kept.reduce((held, each) => held + each.held, 0);
        assert.ok(sum <= total / 2);
        for (const one of given) for (const other of kept) assert.ok(one.stillMs >= other.stillMs);
        const last = given.at(-1);
        if (last !== undefined) assert.ok(sum + last.held > total / 2, "the last one was one too many");
      }),
    );
  });

  test("is what holds something of which nothing was done for long enough, while the stream takes records", () => {
    const budget = createBudget(1_000);
    const [stuck, moving, done] = ["stuck", "moving", "done"].map((topic) => budget.begin(assignment(topic)));
    assert.ok(stuck && moving && done);
    for (const share of [stuck, moving, done]) share.take(100);
    budget.look(0, false, 10_000);
    for (let second = 1; second <= 9; second += 1) {
      moving.moved();
      budget.look(second * 1_000, false, 10_000);
    }
    done.release(100);
    for (let second = 10; second <= 1_000; second += 1) budget.look(second * 1_000, true, 10_000);
    assert.equal(stuck.isStuck, false, "no time passes while the stream takes nothing");
    moving.moved();
    budget.look(1_001_000, false, 10_000);
    assert.deepEqual([stuck.isStuck, moving.isStuck, done.isStuck], [true, false, false]);
    assert.deepEqual([stuck.part, budget.report().stuckPartitions], [0, 1]);
    stuck.moved();
    assert.deepEqual([stuck.isStuck, budget.report().stuckPartitions], [false, 0]);
    assert.ok(stuck.part > 100);
  });

  test("holds half at most with what may turn out to be, so that what moves has the rest", () => {
    const budget = createBudget(1_000);
    const [moving, idle] = ["moving", "idle", "another"].map((topic) => budget.begin(assignment(topic)));
    assert.ok(moving && idle);
    assert.deepEqual([moving.isMoving, moving.part, idle.part], [false, 500, 500]);
    for (let second = 0; second < 3; second += 1) {
      moving.take(200);
      moving.moved();
      moving.release(100);
      budget.look(second * 1_000, false, 10_000);
    }
    assert.ok(moving.isMoving);
    assert.equal(moving.part, 400, "four times what it gave back");
    idle.take(300);
    assert.deepEqual([idle.part, budget.untriedRoom], [500, 200]);
    budget.look(3_000, false, 10_000);
    budget.look(4_000, false, 10_000);
    assert.ok(!moving.isMoving, "nothing was done for a second");
  });

  test("is not what waits for its rest, nor for the end of a hand-over", () => {
    const budget = createBudget(1_000);
    const [chunks, taken] = ["chunks", "taken"].map((topic) => budget.begin(assignment(topic)));
    assert.ok(chunks && taken);
    chunks.take(100);
    chunks.unfinished = 100;
    taken.take(100);
    taken.movesFrom = 60_000;
    for (let second = 0; second < 60; second += 1) budget.look(second * 1_000, false, 10_000);
    assert.deepEqual([chunks.isStuck, taken.isStuck], [false, false]);
    for (let second = 60; second < 75; second += 1) budget.look(second * 1_000, false, 10_000);
    assert.deepEqual([chunks.isStuck, taken.isStuck], [false, true]);
  });

  test("comes back on trial after a delay that grows, until something of it is done", () => {
    const budget = createBudget(1_000);
    const delays: number[] = [];
    budget.begin(assignment("other"));
    let now = 0;
    let again = assignment("stuck");
    let share = budget.begin(again);
    for (let times = 0; times < 3; times += 1) {
      delays.push(budget.giveBack(share, now, "no schema"));
      again.active = false;
      budget.end(again);
      again = assignment("stuck");
      share = budget.begin(again);
      assert.equal(share.part, 0);
      now += 1_000;
    }
    assert.deepEqual(delays, [5_000, 10_000, 20_000]);
    const told = { heldBackPartitions: 1, heldBack: { topic: "stuck", why: "no schema" }, givenBack: 3 };
    assert.deepEqual(budget.report(), { stuckPartitions: 1, ...told });
    share.moved();
    assert.ok(share.part > 0);
    assert.equal(budget.report().heldBack, null);
    assert.equal(budget.giveBack(share, now, null), 5_000);
  });

  test("is forgotten a minute after it went to another worker", () => {
    const budget = createBudget(1_000);
    const share = budget.begin(assignment("stuck"));
    budget.giveBack(share, 0, null);
    budget.look(64_000, false, 10_000);
    assert.equal(budget.report().heldBackPartitions, 1);
    budget.look(66_000, false, 10_000);
    assert.equal(budget.report().heldBackPartitions, 0);
  });

  test("gives back nothing where it is alone", () => {
    const budget = createBudget(1_000);
    const share = budget.begin(assignment("alone"));
    share.take(900);
    for (let second = 0; second < 20; second += 1) {
      assert.deepEqual(budget.look(second * 1_000, false, 10_000), []);
    }
    budget.begin(assignment("another"));
    assert.deepEqual(budget.look(20_000, false, 10_000), [share]);
  });
});
