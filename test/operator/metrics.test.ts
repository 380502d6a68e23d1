import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "../../operator/metrics.ts";
import { fleetOf } from "./sink-fixture.ts";

test("metrics say how many sinks wait, roll and have failed, and what keeps the others, while the operator leads", async () => {
  const metrics = createMetrics();
  const fleet = fleetOf();
  const read = async () => {
    const lines = (await metrics.registry.metrics()).split("\n");
    return lines.filter((line) => line.startsWith("kinesis_sink_operator_rollout_")).map((line) => line.slice(30));
  };
  assert.deepEqual(await read(), []);
  metrics.observeRollout(() => fleet.report());
  fleet.enter("a", { state: "failed" });
  fleet.enter("b", { state: "rolling", turn: "canary" });
  fleet.enter("c", { state: "pending", turn: "regular" });
  fleet.enter("d", { state: "pending", turn: "last" });
  assert.deepEqual(await read(), [
    'sinks{state="pending"} 2',
    'sinks{state="rolling"} 1',
    'sinks{state="failed"} 1',
    'halted{reason="paused"} 0',
    'halted{reason="stopped"} 1',
  ]);
  metrics.observeRollout(() => undefined);
  assert.deepEqual(await read(), []);
});
