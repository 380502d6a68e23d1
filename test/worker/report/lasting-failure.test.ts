import assert from "node:assert/strict";
import { test } from "node:test";
import type { PipelineState } from "../../../worker/pipeline/pipeline.ts";
import { createSinkHealth } from "../../../worker/report/sink-health.ts";
import type { SinkFailure } from "../../../worker/sink/sink.ts";

const failure = (failureClass: SinkFailure["class"]): SinkFailure => ({
  code: "ServiceFailure",
  class: failureClass,
  message: failureClass,
  ambiguous: false,
});
/** @returns what health says after a look each second at these states */
function healthAfter(states: readonly { sinkFailure: SinkFailure | null; delivered: number }[]): SinkFailure | null {
  const health = createSinkHealth();
  for (const [second, state] of states.entries()) health.sample(second * 1_000, state as PipelineState);
  return health.failure();
}
const failing = (seconds: number, delivered: (second: number) => number) =>
  Array.from({ length: seconds }, (_, second) => ({ sinkFailure: failure("transient"), delivered: delivered(second) }));

test("a fault that passes, or beside which messages are delivered, is everyday life", () => {
  assert.equal(healthAfter(failing(5, () => 7)), null);
  assert.equal(healthAfter(failing(60, (second) => second)), null);
});

test("a fault shows when nothing was delivered for 5 s, and no longer once it is over", () => {
  assert.equal(healthAfter(failing(7, () => 7))?.class, "transient");
  assert.equal(healthAfter([...failing(60, () => 7), { sinkFailure: null, delivered: 8 }]), null);
  assert.equal(healthAfter([...failing(60, () => 7), { sinkFailure: failure("transient"), delivered: 8 }]), null);
});

test("what somebody has to mend shows at once", () => {
  assert.equal(healthAfter([{ sinkFailure: failure("notReady"), delivered: 0 }])?.class, "notReady");
});
