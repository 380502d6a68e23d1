import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLinger } from "../../../../worker/pipeline/requests/linger.ts";

describe("lingering", () => {
  test("never keeps an idle sender, a full batch, or records that others hardly join", () => {
    const linger = createLinger();
    linger.arrived(100, 0);
    assert.equal(linger.hold(100, 500, 0, 10), 0);
    assert.equal(linger.hold(500, 500, 3, 10), 0);
    const quiet = createLinger();
    quiet.arrived(1, 0);
    assert.equal(quiet.hold(1, 500, 3, 200), 0);
  });

  test("keeps records up to 10 ms while others are likely to come", () => {
    const linger = createLinger();
    for (let now = 0; now <= 100; now += 1) linger.arrived(2, now);
    assert.equal(linger.hold(2, 500, 1, 100), 10);
    assert.equal(linger.hold(8, 500, 1, 104), 6);
    assert.equal(linger.hold(20, 500, 1, 110), 0);
  });
});
