import assert from "node:assert/strict";
import { test } from "node:test";
import { createSubscribedBefore } from "../../../worker/report/subscribed-before.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";

test("the first status that is read counts: later ones tell of this worker, too", async () => {
  const before = createSubscribedBefore("source", createVirtualClock(), silentLog);
  before.seen({});
  before.seen({ subscribed: "source" });
  assert.equal(await before.known(), false);
});

test("a status that is read while it is waited for is enough", async () => {
  const clock = createVirtualClock();
  const before = createSubscribedBefore("source", clock, silentLog);
  const known = before.known();
  await clock.advance(29_000);
  before.seen({ subscribed: "source" });
  assert.equal(await known, true);
});

test("where no status can be read a worker begins all the same, as if it were the first", async () => {
  const clock = createVirtualClock();
  const before = createSubscribedBefore("source", clock, silentLog);
  const known = before.known();
  await clock.advance(30_000);
  assert.equal(await known, false);
});
