import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PoisonError } from "../../../../worker/format/format.ts";
import { createStops } from "../../../../worker/pipeline/ordered/stops.ts";

describe("stops", () => {
  const poison = new PoisonError("Undecodable", "no");

  test("delay longer each time the same message stops its topic-partition", () => {
    const stops = createStops();
    assert.equal(stops.stopped("t", "1:1", poison), 1);
    assert.equal(stops.waits("t", 0), 5_000);
    assert.equal(stops.stopped("t", "1:1", poison), 2);
    assert.equal(stops.waits("t", 0), 10_000);
    assert.equal(stops.stopped("t", "1:2", poison), 1);
    assert.equal(stops.waits("t", 0), 5_000);
  });

  test("are reported until forgotten, or until the topic-partition does not come back", () => {
    const stops = createStops();
    stops.stopped("t", "1:1", poison);
    assert.deepEqual(stops.report(1e9).poison, [{ topic: "t", messageId: "1:1", code: "Undecodable", message: "no" }]);
    stops.waits("t", 1e9);
    assert.equal(stops.report(1e9 + 65_001).poisonCount, 0);
  });
});
