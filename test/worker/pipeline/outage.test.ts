import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRig, failure, type Rig } from "./rig.ts";

async function writable(rig: Rig, topic = "orders") {
  const assignment = rig.assign(topic);
  await rig.clock.advance(6_000);
  return assignment;
}

describe("a topic-partition that is lost with many requests on their way", () => {
  test("does not make the others wait", async () => {
    const rig = createRig({ limits: { maxRecords: 1, maxBytes: 1_000, maxRecordBytes: 1_000 } });
    const lost = await writable(rig);
    const kept = await writable(rig, "payments");
    await rig.deliver(lost, "a:1", "b:1", "c:1", "d:1");
    assert.equal(rig.puts.length, 4);
    await rig.revoke(lost);
    await rig.deliver(kept, "e:1");
    assert.deepEqual(rig.last().texts, ["e:1"]);
    assert.equal(rig.pipeline.state().sinkFailure, null);
  });
});

describe("a stream that comes back after a long outage", () => {
  test("is found within 5 s, and all that failed meanwhile is sent", async () => {
    const rig = createRig({ handoverWaitMs: 0 });
    await rig.deliver(await writable(rig), "a:1", "b:1", "c:1");
    for (let second = 0; second < 600; second += 1) {
      for (const put of rig.puts) await put.fail(failure("transient"));
      await rig.clock.advance(1_000);
    }
    for (let second = 0; second < 6; second += 1) {
      for (const put of rig.puts) await put.accept();
      await rig.clock.advance(1_000);
    }
    assert.deepEqual(rig.acknowledged, ["a:1 b:1 c:1"]);
  });
});
