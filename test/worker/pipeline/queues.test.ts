import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createBudget } from "../../../worker/pipeline/budget.ts";
import { createDelays } from "../../../worker/pipeline/delays.ts";
import { createFifo } from "../../../worker/pipeline/fifo.ts";
import { createVirtualClock } from "../../clock.ts";
import { collectGarbage } from "../garbage.ts";

describe("the FIFO", () => {
  test("gives back what was put in, in order, whatever the mix of pushes and shifts", () => {
    const actions = fc.array(fc.constantFrom("push", "push", "shift", "unshift"), { maxLength: 5_000 });
    fc.assert(
      fc.property(actions, (list) => {
        const fifo = createFifo<number>();
        const model: number[] = [];
        for (const [index, action] of list.entries()) {
          if (action === "push") {
            fifo.push(index);
            model.push(index);
          } else if (action === "unshift") {
            fifo.unshift(index);
            model.unshift(index);
          } else assert.equal(fifo.shift(), model.shift());
          assert.equal(fifo.length, model.length);
          assert.equal(fifo.peek(), model[0]);
        }
        assert.deepEqual([...fifo], model);
      }),
    );
  });

  test("keeps its order when it drops the room of what left", () => {
    const fifo = createFifo<number>();
    for (let index = 0; index < 10_000; index += 1) fifo.push(index);
    for (let index = 0; index < 10_000; index += 1) assert.equal(fifo.shift(), index);
    assert.equal(fifo.shift(), undefined);
  });

  test("keeps nothing alive that left it, though it is never empty", async () => {
    const fifo = createFifo<object>();
    const left: WeakRef<object>[] = [];
    fifo.push({});
    for (let count = 0; count < 100; count += 1) {
      fifo.push({});
      left.push(new WeakRef(fifo.shift() as object));
    }
    await collectGarbage();
    assert.deepEqual([fifo.length, left.filter((value) => value.deref() !== undefined).length], [1, 0]);
  });
});

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

describe("the budget", () => {
  test("is free bytes: negative after a delivery larger than expected, and tells when bytes come back", () => {
    const budget = createBudget(100);
    let released = 0;
    budget.onRelease(() => {
      released += 1;
    });
    budget.take(150);
    assert.equal(budget.free, -50);
    budget.release(150);
    assert.equal(budget.free, 100);
    assert.equal(released, 1);
  });

  test("refuses to be empty", () => {
    assert.throws(() => createBudget(0), /at least 1 byte/);
  });
});
