import assert from "node:assert/strict";
import { test } from "node:test";
import type { PipelineState } from "../../../worker/pipeline/pipeline.ts";
import { createLastingFailure } from "../../../worker/report/lasting-failure.ts";
import type { SinkFailure } from "../../../worker/sink/sink.ts";

const failure = (failureClass: SinkFailure["class"]): SinkFailure => ({
  code: "ServiceFailure",
  class: failureClass,
  message: failureClass,
  ambiguous: false,
});
/** @returns what lasts after a look each second at these states */
function failureAfter(states: readonly { sinkFailure: SinkFailure | null; delivered: number }[]): SinkFailure | null {
  const lasting = createLastingFailure();
  for (const [second, state] of states.entries()) lasting.sample(second * 1_000, state as PipelineState);
  return lasting.failure();
}
const failing = (seconds: number, delivered: (second: number) => number) =>
  Array.from({ length: seconds }, (_, second) => ({ sinkFailure: failure("transient"), delivered: delivered(second) }));

test("a fault that passes, or beside which messages are delivered, is everyday life", () => {
  assert.equal(failureAfter(failing(5, () => 7)), null);
  assert.equal(failureAfter(failing(60, (second) => second)), null);
});

test("a fault shows when nothing was delivered for 5 s, and no longer once it is over", () => {
  assert.equal(failureAfter(failing(7, () => 7))?.class, "transient");
  assert.equal(failureAfter([...failing(60, () => 7), { sinkFailure: null, delivered: 8 }]), null);
  assert.equal(failureAfter([...failing(60, () => 7), { sinkFailure: failure("transient"), delivered: 8 }]), null);
});

test("what somebody has to mend shows at once", () => {
  assert.equal(failureAfter([{ sinkFailure: failure("notReady"), delivered: 0 }])?.class, "notReady");
});
