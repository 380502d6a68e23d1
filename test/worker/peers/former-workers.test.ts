import assert from "node:assert/strict";
import { test } from "node:test";
import { createFormerWorkers } from "../../../worker/peers/former-workers.ts";

test("while workers run that do not tell their version, or it is not known, a hand-over waits by their rule too", () => {
  const former = createFormerWorkers(6_000);
  assert.equal(former.extraWaitMs, 6_000);
  former.seen([
    { pod: "a", state: "Running", version: "1" },
    { pod: "b", state: "Draining" },
  ]);
  assert.equal(former.extraWaitMs, 6_000);
  former.seen([{ pod: "a", state: "Running", version: "1" }]);
  assert.equal(former.extraWaitMs, 0);
});
