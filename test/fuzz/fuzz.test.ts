import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fuzz } from "./run.ts";
import { findingText, tallyTable } from "./table.ts";

const SECONDS = 60;
/** The same ones, however fast the machine is. */
const INPUTS = 500;

test("whatever a broker, a producer or an endpoint sends, a worker's heap holds it, and each error is one by contract", {
  skip: existsSync("/proc/self/status") ? false : "what a process held at most is read from /proc",
}, async (t) => {
  const result = await fuzz({ seed: 20_260_101, seconds: SECONDS, inputs: INPUTS, targets: "all" });
  t.diagnostic(tallyTable(result));
  assert.deepEqual(result.findings.map(findingText), []);
  const { frames, entries, chunks, messages, schemas, answers } = result.targets;
  for (const tally of [frames, entries, chunks, messages, schemas, answers]) {
    assert.ok(tally !== undefined && tally.inputs > 5, "each reader got inputs");
    assert.ok(Object.keys(tally.outcomes).length > 1, "sound ones and others");
  }
});
