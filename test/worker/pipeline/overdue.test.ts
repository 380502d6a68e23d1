import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig } from "./rig.ts";

for (const ordered of [true, false]) {
  describe(`messages that are not accepted within recordTtl, ${ordered ? "ordered" : "unordered"}`, () => {
    test("are counted for as long as they are tried on", async () => {
      const rig = createRig({ ordered, recordTtlMs: 10_000, maxConcurrentRequests: 1 });
      const orders = rig.assign();
      await rig.clock.advance(6_000);
      await rig.deliver(orders, "a:1", "b:1");
      await rig.clock.advance(9_000);
      await rig.deliver(orders, "c:1");
      assert.equal(rig.pipeline.state().overdue, 0);
      await rig.clock.advance(1_001);
      assert.equal(rig.pipeline.state().overdue, 2);
      await rig.clock.advance(9_000);
      assert.equal(rig.pipeline.state().overdue, 3);
      await rig.last().accept();
      assert.equal(rig.pipeline.state().overdue, 1);
      await rig.last().accept();
      assert.deepEqual([rig.pipeline.state().overdue, rig.pipeline.state().delivered], [0, 3]);
    });
  });
}
