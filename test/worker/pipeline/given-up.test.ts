/** What failed is no longer waited for, since its topic-partition went to another worker: the failure is over too. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig, failure } from "./rig.ts";

for (const ordered of [true, false]) {
  describe(`a failure that nobody waits for any more, ${ordered ? "ordered" : "unordered"}`, () => {
    test("of the stream does not show, for there is no request that would tell that it is over", async () => {
      const rig = createRig({ ordered });
      const orders = rig.assign();
      await rig.clock.advance(6_000);
      await rig.deliver(orders, "a:1");
      await rig.last().fail(failure("notReady"));
      assert.equal(rig.pipeline.state().sinkFailure?.class, "notReady");
      await rig.revoke(orders);
      await rig.clock.advance(60_000);
      assert.equal(rig.pipeline.state().sinkFailure, null);
    });

    test("of the schema registry does not show", async () => {
      const format = {
        prepare: () => Promise.reject(new Error("the registry cannot be asked")),
        encode: () => assert.fail("encoded without its schema"),
      };
      const rig = createRig({ ordered, format });
      const orders = rig.assign();
      await rig.clock.advance(6_000);
      await rig.deliver(orders, "a:1");
      assert.notEqual(rig.pipeline.state().sourceFailure, null);
      await rig.revoke(orders);
      await rig.clock.advance(60_000);
      assert.equal(rig.pipeline.state().sourceFailure, null);
    });

    test("of the dead-letter topic does not show", async () => {
      const rig = createRig({ ordered, deadLetterTopic: "dead" });
      const orders = rig.assign();
      await rig.clock.advance(6_000);
      rig.undecodable.add("a:1");
      rig.publishFails = true;
      await rig.deliver(orders, "a:1");
      assert.notEqual(rig.pipeline.state().sourceFailure, null);
      await rig.revoke(orders);
      await rig.clock.advance(60_000);
      assert.equal(rig.pipeline.state().sourceFailure, null);
    });
  });
}
