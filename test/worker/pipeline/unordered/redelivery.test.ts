import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { PipelineOptions } from "../../../../worker/pipeline/options.ts";
import { createRig, failure, type Rig } from "../rig.ts";

const limits = { maxRecords: 1, maxBytes: 1_000, maxRecordBytes: 1_000 };

function rigOf(options: Partial<PipelineOptions> = {}): Rig {
  return createRig({ ordered: false, limits, maxConcurrentRequests: 1, ...options });
}

/** The broker takes the topic-partition away and gives it back. */
async function unload(rig: Rig, of: ReturnType<Rig["assign"]>) {
  await rig.revoke(of);
  return rig.assign();
}

describe("an unordered entry that comes again after its assignment ended", () => {
  test("is written from where it was, and acknowledged on the new assignment", async () => {
    const rig = rigOf();
    const before = rig.assign();
    await rig.deliver(before, "a:1", "a:2", "a:3");
    await rig.last().accept();
    await rig.last().fail(failure("transient"));
    const now = await unload(rig, before);
    await rig.deliver(now, "a:1", "a:2", "a:3");
    for (const put of rig.puts.slice(2)) await put.accept();
    await rig.last().accept();
    await rig.clock.advance(60_000);
    assert.deepEqual(rig.sent(), [["a:1"], ["a:2"], ["a:3"], ["a:2"]]);
    assert.deepEqual(rig.acknowledged, ["a:1 a:2 a:3"]);
    assert.deepEqual([rig.pipeline.state().pending, rig.pipeline.state().pendingBytes], [0, 0]);
  });

  test("waits for what is on its way", async () => {
    const rig = rigOf();
    const before = rig.assign();
    await rig.deliver(before, "a:1");
    const now = await unload(rig, before);
    await rig.deliver(now, "a:1");
    assert.deepEqual(rig.acknowledged, []);
    await rig.last().accept();
    assert.deepEqual(rig.sent(), [["a:1"]]);
    assert.deepEqual(rig.acknowledged, ["a:1"]);
  });

  test("is acknowledged at once when it was accepted between the assignments", async () => {
    const rig = rigOf();
    const before = rig.assign();
    await rig.deliver(before, "a:1", "a:2");
    await rig.last().accept();
    await rig.revoke(before);
    await rig.last().accept();
    assert.deepEqual(rig.acknowledged, []);
    await rig.deliver(rig.assign(), "a:1", "a:2");
    assert.deepEqual(rig.acknowledged, ["a:1 a:2"]);
    assert.equal(rig.puts.length, 2);
  });

  test("is another one in another cluster, whatever its id", async () => {
    const rig = rigOf();
    const before = rig.assign();
    await rig.deliver(before, "a:1", "a:2");
    await rig.last().accept();
    await rig.revoke(before);
    await rig.last().accept();
    await rig.deliver(rig.assign("orders", { cluster: "pulsar://green:6650" }), "a:1");
    await rig.last().accept();
    assert.deepEqual(rig.sent(), [["a:1"], ["a:2"], ["a:1"]]);
    assert.deepEqual(rig.acknowledged, ["a:1"]);
  });

  for (const kind of ["transient", "invalid", "notReady"] as const) {
    test(`is written again when what was on its way fails (${kind})`, async () => {
      const rig = rigOf();
      const before = rig.assign();
      await rig.deliver(before, "a:1");
      const now = await unload(rig, before);
      await rig.deliver(now, "a:1");
      await rig.last().fail(failure(kind));
      await rig.clock.advance(5_000);
      assert.deepEqual(rig.sent(), [["a:1"], ["a:1"]]);
      await rig.last().accept();
      assert.deepEqual(rig.acknowledged, ["a:1"]);
    });
  }

  test("is followed through several ends, while its record is on its way all the time", async () => {
    const rig = rigOf();
    let assignment = rig.assign();
    for (let times = 0; times < 3; times += 1) {
      await rig.deliver(assignment, "a:1", "a:2");
      assignment = await unload(rig, assignment);
    }
    await rig.puts[0]?.accept();
    await rig.deliver(assignment, "a:1", "a:2");
    await rig.last().accept();
    assert.deepEqual(rig.sent(), [["a:1"], ["a:2"]]);
    assert.deepEqual(rig.acknowledged, ["a:1 a:2"]);
  });

  test("is written anew when it comes very late, for it may have been asked for", async () => {
    const rig = rigOf();
    const before = rig.assign();
    await rig.deliver(before, "a:1", "a:2", "a:3");
    await rig.last().accept();
    await rig.last().accept();
    const now = await unload(rig, before);
    await rig.clock.advance(60_001);
    await rig.last().accept();
    await rig.deliver(now, "a:1", "a:2", "a:3");
    assert.deepEqual(rig.last().texts, ["a:1"]);
  });

  test("is remembered for 65,536 messages at most: of the oldest ones what was delivered is written again", async () => {
    const rig = createRig({ ordered: false, budgetBytes: 100_000_000 });
    const before = rig.assign();
    const SIZE = 1_000;
    const textsOf = (entry: number) => Array.from({ length: SIZE }, (_, index) => `${entry}:${index}`);
    const ENTRIES = 68;
    for (let entry = 0; entry < ENTRIES; entry += 1) {
      rig.undecodable.add(`${entry}:0`);
      await rig.deliver(before, ...textsOf(entry));
      for (const put of rig.puts.splice(0)) await put.accept();
    }
    const now = await unload(rig, before);
    await rig.deliver(now, ...textsOf(ENTRIES - 1));
    assert.deepEqual(rig.sent(), []);
    await rig.deliver(now, ...textsOf(0));
    assert.equal(rig.sent().flat().length, SIZE - 1);
  });
});
