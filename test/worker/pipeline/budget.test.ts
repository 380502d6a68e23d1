import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createBudget } from "../../../worker/pipeline/budget.ts";
import { assignment } from "./messages.ts";

describe("the budget", () => {
  test("is free bytes: negative after a delivery larger than expected, and tells when bytes come back", () => {
    const budget = createBudget(100);
    let released = 0;
    budget.onRelease(() => {
      released += 1;
    });
    const share = budget.shareOf(assignment());
    share.take(150);
    assert.equal(budget.free, -50);
    share.release(150);
    assert.equal(budget.free, 100);
    assert.equal(released, 1);
  });

  test("refuses to be empty", () => {
    assert.throws(() => createBudget(0), /at least 1 byte/);
  });
});
