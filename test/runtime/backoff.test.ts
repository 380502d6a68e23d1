import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { backoff, exponential, fullJitter } from "../../runtime/backoff.ts";

test("delays stay between the floor and the maximum, whatever the random numbers", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 100_000 }),
      fc.array(fc.double({ min: 0, max: 0.999999, noNaN: true }), { minLength: 1, maxLength: 80 }),
      (initial, max, randoms) => {
        let i = 0;
        const delays = backoff({
          initial,
          max,
          floor: Math.min(5, max),
          random: () => randoms[i++ % randoms.length] ?? 0,
        });
        for (let n = 0; n < 80; n++) {
          const delay = delays.next();
          assert.ok(delay >= Math.min(5, max) && delay <= max, `${delay}`);
        }
      },
    ),
  );
});

test("the ceiling doubles with each delay until the maximum, and starts again after a reset", () => {
  const delays = backoff({ initial: 100, max: 1000, random: () => 1 });
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map(() => delays.next()),
    [100, 200, 400, 800, 1000, 1000],
  );
  delays.reset();
  assert.equal(delays.next(), 100);
});

describe("a back-off without a state", () => {
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
