import assert from "node:assert/strict";
import { test } from "node:test";
import { createFleet } from "../../../operator/rollout/fleet.ts";
import { type RolloutPolicy, selects } from "../../../operator/rollout/policy.ts";
import { limitOf } from "../../../operator/rollout/turns.ts";

const POLICY: RolloutPolicy = { maxConcurrent: { sinks: 1 }, paused: false, canaries: undefined, maxFailures: 1 };

test("a percentage is of the sinks that run, rounded up, and never none", () => {
  const limit = (percent: number, running: number) => limitOf({ ...POLICY, maxConcurrent: { percent } }, running);
  assert.deepEqual([limit(10, 0), limit(10, 1), limit(10, 10), limit(10, 11), limit(10, 2000)], [1, 1, 1, 2, 200]);
  assert.equal(limit(100, 7), 7);
  assert.equal(limitOf({ ...POLICY, maxConcurrent: { sinks: 3 } }, 2000), 3);
});

test("a selector selects as Kubernetes' do, but an empty one selects nothing", () => {
  const labels = { tier: "canary", team: "shop" };
  assert.equal(selects(undefined, labels), false);
  assert.equal(selects({}, labels), false);
  assert.equal(selects({ matchLabels: { tier: "canary", team: "shop" } }, labels), true);
  assert.equal(selects({ matchLabels: { tier: "canary", team: "other" } }, labels), false);
  const by = (operator: "In" | "NotIn" | "Exists" | "DoesNotExist", key: string, values?: string[]) =>
    selects({ matchExpressions: [{ key, operator, ...(values ? { values } : {}) }] }, labels);
  assert.deepEqual(
    [by("In", "team", ["shop"]), by("In", "team", ["a"]), by("In", "none", ["a"])],
    [true, false, false],
  );
  assert.deepEqual([by("NotIn", "team", ["shop"]), by("NotIn", "none", ["a"])], [false, true]);
  assert.deepEqual([by("Exists", "team"), by("Exists", "none")], [true, false]);
  assert.deepEqual([by("DoesNotExist", "team"), by("DoesNotExist", "none")], [false, true]);
});

test("nobody begins before every sink was heard, and then as many as may are called", () => {
  const called: string[] = [];
  const fleet = createFleet({ policy: POLICY, call: (key) => called.push(key), complete: () => true });
  for (const key of ["a", "b", "c"]) fleet.expect(key);
  const pending = { state: "pending", turn: "regular" } as const;
  assert.partialDeepStrictEqual(fleet.enter("a", pending), { begins: false, unsure: true });
  fleet.enter("b", pending);
  assert.deepEqual(called, []);
  fleet.enter("c", { state: "settled" });
  assert.deepEqual(called, ["a"]);
  assert.equal(fleet.enter("a", pending).begins, true);
  assert.equal(fleet.enter("b", pending).begins, false);
  fleet.enter("a", { state: "settled" });
  assert.deepEqual(called, ["a", "b"]);
});

test("a namespace that is still being listed keeps everybody waiting", () => {
  let complete = false;
  const fleet = createFleet({ policy: POLICY, call: () => {}, complete: () => complete });
  assert.equal(fleet.enter("a", { state: "pending", turn: "regular" }).begins, false);
  complete = true;
  assert.equal(fleet.enter("a", { state: "pending", turn: "regular" }).begins, true);
});

test("a sink whose objects cannot be written gives its turn to another, and is not called over and over", () => {
  const called: string[] = [];
  const fleet = createFleet({ policy: POLICY, call: (key) => called.push(key), complete: () => true });
  const pending = { state: "pending", turn: "regular" } as const;
  assert.equal(fleet.enter("a", pending).begins, true);
  fleet.enter("b", pending);
  fleet.giveBack("a");
  assert.deepEqual(called, ["b"]);
  assert.equal(fleet.enter("b", pending).begins, true);
  fleet.giveBack("b");
  assert.deepEqual(called, ["b"], "neither has been tried again");
  assert.equal(fleet.report().blocked, 2);
  assert.equal(fleet.enter("a", pending).begins, true);
});

test("a sink that is gone leaves its slot, and a failure that heals lets the others go on", () => {
  const called: string[] = [];
  const fleet = createFleet({ policy: POLICY, call: (key) => called.push(key), complete: () => true });
  const pending = { state: "pending", turn: "regular" } as const;
  fleet.enter("a", pending);
  fleet.enter("b", pending);
  assert.equal(fleet.enter("a", { state: "failed" }).fails, true);
  assert.equal(fleet.enter("a", { state: "failed" }).fails, false, "told once");
  assert.equal(fleet.enter("b", pending).halt, "stopped");
  assert.deepEqual(called, []);
  fleet.enter("a", { state: "settled" });
  assert.deepEqual(called, ["b"]);
  fleet.enter("b", pending);
  fleet.enter("c", pending);
  fleet.remove("b");
  assert.deepEqual(called, ["b", "c"]);
});
