import assert from "node:assert/strict";
import { test } from "node:test";
import { Failures } from "../../../operator/kube/watch-failure.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createVirtualClock } from "../../clock.ts";

const refused = new ApiError("GET", 403, { reason: "Forbidden" });
const busy = new ApiError("GET", 503, { reason: "ServiceUnavailable" });

test("a refusal is warned of at once, and again every 10 minutes", async () => {
  const clock = createVirtualClock();
  const failures = new Failures(clock);
  assert.equal(failures.add(refused), "warn");
  await clock.advance(599_999);
  assert.equal(failures.add(refused), "debug");
  await clock.advance(1);
  assert.equal(failures.add(refused), "warn");
  assert.match(failures.words() ?? "", /is the operator's role bound there/);
});

test("an interruption is warned of when it lasts a minute", async () => {
  const clock = createVirtualClock();
  const failures = new Failures(clock);
  assert.equal(failures.add(busy), "info");
  assert.equal(failures.add(busy), "debug");
  await clock.advance(60_000);
  assert.equal(failures.add(busy), "warn");
  assert.equal(failures.words(), "503 ServiceUnavailable");
});

test("a success ends the row, and the next failure begins another", () => {
  const failures = new Failures(createVirtualClock());
  failures.add(busy);
  assert.equal(failures.end(), false, "nobody was warned");
  assert.equal(failures.words(), undefined);
  failures.add(refused);
  assert.equal(failures.end(), true);
  assert.equal(failures.add(busy), "info");
});
