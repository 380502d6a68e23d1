import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { exponential, fullJitter } from "../../../worker/pipeline/retry.ts";

describe("retry", () => {
  const delays = { initialDelayMs: 100, maxDelayMs: 60_000 };
  test("doubles from the initial to the maximal delay", () => {
    assert.deepEqual(
      [0, 1, 2, 20, 2_000].map((attempt) => exponential(delays, attempt)),
      [100, 200, 400, 60_000, 60_000],
    );
  });
  test("draws from the whole range below the ceiling", () => {
    assert.equal(
      fullJitter(delays, 3, () => 0),
      0,
    );
    assert.equal(
      fullJitter(delays, 3, () => 0.5),
      400,
    );
  });
});
