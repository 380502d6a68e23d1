import assert from "node:assert/strict";
import { test } from "node:test";
import { beatMs } from "../../../runtime/kube/beat.ts";

test("the beat grows with the square of the number of workers", () => {
  assert.deepEqual([1, 20, 40, 100].map(beatMs), [10_000, 10_000, 40_000, 250_000]);
});
