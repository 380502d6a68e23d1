import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createDelays } from "../../../worker/pipeline/delays.ts";
import { createVirtualClock } from "../../clock.ts";

describe("delays", () => {
  test("give values back when they are due, earliest first, whatever the order of adding", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 100 }),
        async (times) => {
          const clock = createVirtualClock();
          const due: number[] = [];
          const delays = createDelays<number>(
            clock,
            (at) => {
              assert.ok(clock.now() >= at);
              due.push(at);
            },
            () => {},
          );
          for (const at of times) delays.add(at, at);
          await clock.advance(2_000);
          assert.deepEqual(
            due,
            times.toSorted((a, b) => a - b),
          );
          assert.equal(delays.length, 0);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("give nothing back after close", async () => {
    const clock = createVirtualClock();
    const delays = createDelays<number>(clock, () => assert.fail("due after close"), assert.fail);
    delays.add(1, 10);
    delays.close();
    await clock.advance(100);
  });
});
