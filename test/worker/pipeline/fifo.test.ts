import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createFifo } from "../../../worker/pipeline/fifo.ts";
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
