import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ShardQueue } from "../../../../worker/pipeline/shards/shard-queue.ts";
import { createLimiter } from "../../../../worker/sink/limiter.ts";
import { createVirtualClock } from "../../../clock.ts";

/** 1 % of a shard's limits: 10 records per second. */
function queueOf(shardId: string | null = "shard-0") {
  const clock = createVirtualClock();
  return { clock, queue: new ShardQueue<string>(shardId, clock, createLimiter({ percent: 1, clock })) };
}

describe("a shard's queue", () => {
  test("rests once its bucket is empty, for 10 ms at least", () => {
    const { queue } = queueOf();
    assert.equal(queue.pay(10, 100), true);
    assert.equal(queue.isBlocked(0), false);
    assert.equal(queue.pay(1, 10), false);
    assert.deepEqual([queue.restsUntil, queue.isBlocked(99), queue.isBlocked(100)], [100, true, false]);
    const { queue: nearly } = queueOf();
    nearly.pay(10, 100);
    nearly.pay(0.01, 0);
    assert.equal(nearly.restsUntil, 10);
  });

  test("is not paced where the shard is not known", () => {
    const { queue } = queueOf(null);
    for (let count = 0; count < 100; count += 1) assert.equal(queue.pay(10, 100), true);
  });

  test("lingers from when the first of what it holds was received, to the end of a step of 10 ms", () => {
    const { queue } = queueOf();
    queue.push("a", 3);
    queue.push("b", 1);
    assert.equal(queue.lingers(100, 50), true);
    assert.equal(queue.restsUntil, 110);
    assert.equal(queue.lingers(100, 110), false);
    queue.offered();
    assert.equal(queue.restsUntil, Number.NEGATIVE_INFINITY);
  });

  test("forgets when it was filled once it is empty", () => {
    const { queue } = queueOf();
    queue.push("a", 1);
    assert.equal(queue.served(), true);
    queue.waiting.shift();
    assert.equal(queue.served(), false);
    queue.push("b", 200);
    assert.equal(queue.lingers(100, 250), true);
  });

  test("gives nothing while it is held", () => {
    const { queue } = queueOf();
    queue.hold();
    assert.equal(queue.isBlocked(Number.MAX_SAFE_INTEGER), true);
    queue.release();
    assert.equal(queue.isBlocked(0), false);
  });
});
