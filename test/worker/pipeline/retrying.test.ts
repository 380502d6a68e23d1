import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig, failure } from "./rig.ts";

const failed = { accepted: false, failure: failure("transient") } as const;

for (const ordered of [true, false]) {
  describe(`what fails, ${ordered ? "ordered" : "unordered"}`, () => {
    test("is sent again after delays that double up to the greatest one", async () => {
      const rig = createRig({ ordered, retry: { initialDelayMs: 100, maxDelayMs: 1_000 } });
      const orders = rig.assign();
      await rig.clock.advance(6_000);
      await rig.deliver(orders, "a:1");
      const delays: number[] = [];
      for (let attempt = 0; attempt < 6; attempt += 1) {
        const failedAt = rig.clock.now();
        await rig.last().answer([failed]);
        // Another record is accepted, so that the stream does not count as down.
        await rig.deliver(orders, `b:${attempt}`);
        await rig.last().accept();
        await rig.clock.advance(1_000);
        assert.deepEqual(rig.last().texts, ["a:1"]);
        delays.push(rig.last().at - failedAt);
      }
      // Half of what the jitter draws from.
      assert.deepEqual(delays, [50, 100, 200, 400, 500, 500]);
    });

    test("does not show any more once a request succeeded, though others are pending", async () => {
      const rig = createRig({ ordered, maxConcurrentRequests: 1 });
      const orders = rig.assign();
      await rig.clock.advance(6_000);
      await rig.deliver(orders, "a:1");
      await rig.deliver(orders, "b:1");
      await rig.last().answer([failed]);
      assert.equal(rig.pipeline.state().sinkFailure?.class, "transient");
      await rig.last().accept();
      const { pending, sinkFailure } = rig.pipeline.state();
      assert.deepEqual([pending, sinkFailure], [1, null]);
    });
  });
}
