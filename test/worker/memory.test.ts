import assert from "node:assert/strict";
import { totalmem } from "node:os";
import { test } from "node:test";
import { receiveBudget } from "../../worker/memory.ts";

const MiB = 1024 * 1024;

test("the receive budget is a part of the memory limit, between 8 and 64 MiB", () => {
  assert.equal(receiveBudget(0), receiveBudget(512 * MiB));
  assert.equal(receiveBudget(32 * MiB), 8 * MiB);
  assert.equal(receiveBudget(800 * MiB), 20 * MiB);
  assert.equal(receiveBudget(totalmem()), 64 * MiB);
  assert.equal(receiveBudget(2 ** 64), receiveBudget(0), "as cgroups tell that nothing limits it");
});
