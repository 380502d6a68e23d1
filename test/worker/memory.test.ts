import assert from "node:assert/strict";
import { totalmem } from "node:os";
import { test } from "node:test";
import { memoryLimit, receiveBudget } from "../../worker/memory.ts";

const MiB = 1024 * 1024;

test("the receive budget is a part of the memory limit, between 8 and 64 MiB", () => {
  assert.equal(receiveBudget(memoryLimit(0)), receiveBudget(512 * MiB));
  assert.equal(receiveBudget(32 * MiB), 8 * MiB);
  assert.equal(receiveBudget(800 * MiB), 20 * MiB);
  assert.equal(receiveBudget(totalmem()), 64 * MiB);
  assert.equal(
    receiveBudget(memoryLimit(2 ** 64)),
    receiveBudget(memoryLimit(0)),
    "as cgroups tell that nothing limits it",
  );
});

test("a limit counts when it is one", () => {
  assert.deepEqual([0, 2 ** 64, totalmem() + 1].map(memoryLimit), [null, null, null]);
  assert.deepEqual([512 * MiB, totalmem()].map(memoryLimit), [512 * MiB, totalmem()]);
});
