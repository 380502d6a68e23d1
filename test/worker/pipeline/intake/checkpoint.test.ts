import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createCheckpoint } from "../../../../worker/pipeline/intake/checkpoint.ts";
import { assignment, delivery } from "../messages.ts";

const orders = assignment();

describe("the checkpoint", () => {
  test("does not move while the first delivery has messages left", () => {
    const checkpoint = createCheckpoint();
    const first = checkpoint.track(delivery(orders, ["a:1", "a:2"]), 10, 0);
    const second = checkpoint.track(delivery(orders, ["a:3"]), 20, 0);
    second.remaining -= 1;
    first.remaining -= 1;
    assert.equal(checkpoint.advance(), null);
    assert.equal(checkpoint.oldest, first);
  });

  test("passes every finished delivery behind a gap once the gap closes", () => {
    const checkpoint = createCheckpoint();
    const [first, second, third] = [["a:1"], ["a:2"], ["a:3"]].map((texts, index) =>
      checkpoint.track(delivery(orders, texts), index + 1, 0),
    );
    assert.ok(first && second && third);
    second.remaining = 0;
    first.remaining = 0;
    assert.deepEqual(checkpoint.advance(), { through: second, bytes: 3 });
    assert.equal(checkpoint.oldest, third);
  });

  test("tells what is left when it is cleared", () => {
    const checkpoint = createCheckpoint();
    checkpoint.track(delivery(orders, ["a:1", "a:2"]), 10, 0).remaining -= 1;
    checkpoint.track(delivery(orders, ["a:3"]), 5, 0);
    assert.deepEqual(checkpoint.clear(), { bytes: 15, remaining: 2 });
    assert.equal(checkpoint.length, 0);
  });

  test("passes exactly the finished prefix, whatever the order of finishing", () => {
    const order = fc.shuffledSubarray(Array.from({ length: 12 }, (_, index) => index));
    fc.assert(
      fc.property(order, (finished) => {
        const checkpoint = createCheckpoint();
        const deliveries = Array.from({ length: 12 }, () => checkpoint.track(delivery(orders, ["a:1"]), 1, 0));
        let passed = 0;
        for (const index of finished) {
          const open = deliveries[index];
          if (open !== undefined) open.remaining = 0;
          passed += checkpoint.advance()?.bytes ?? 0;
          const prefix = deliveries.findIndex(({ remaining }) => remaining > 0);
          assert.equal(passed, prefix === -1 ? deliveries.length : prefix);
        }
      }),
    );
  });
});
