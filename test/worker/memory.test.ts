import assert from "node:assert/strict";
import { test } from "node:test";
import { receiveBudget } from "../../worker/memory.ts";

const MiB = 1024 * 1024;

test("the receive budget is an eighth of the memory limit, between 8 and 64 MiB", () => {
  assert.equal(receiveBudget(0), 64 * MiB);
  assert.equal(receiveBudget(32 * MiB), 8 * MiB);
  assert.equal(receiveBudget(256 * MiB), 32 * MiB);
  assert.equal(receiveBudget(64 * 1024 * MiB), 64 * MiB);
});
