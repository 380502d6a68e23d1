import assert from "node:assert/strict";
import { test } from "node:test";
import { readState, type ScalingState, writeState } from "../../../operator/scaling/state.ts";
import { statusErrors } from "../../crds/status-errors.ts";

const AT = Date.parse("2026-01-02T03:04:05Z");

const STATES: readonly ScalingState[] = [
  { replicas: 4, scaledAt: undefined, pending: undefined, capacity: undefined },
  {
    replicas: 4,
    scaledAt: AT,
    pending: { direction: "Up", since: AT, lagSeconds: 0, backlog: undefined },
    capacity: { perReplica: 900, at: AT },
  },
  { replicas: 4, scaledAt: AT, pending: { direction: "Down", since: AT, replicas: 2 }, capacity: undefined },
];

test("what is remembered comes back from the status as it was, to the second", () => {
  for (const state of STATES) {
    const written = writeState(state);
    assert.deepEqual(readState(JSON.parse(JSON.stringify(written)), 1), state);
    assert.deepEqual(statusErrors({ autoscaling: written }), []);
  }
});

test("without a status it begins with the number that there is", () => {
  assert.deepEqual(readState(undefined, 7), { ...STATES[0], replicas: 7 });
});

test("what another version or a hand has written and cannot be read is as if it were absent", () => {
  const strange = {
    replicas: 3,
    lastScaleTime: "yesterday",
    pending: { direction: "Sideways", since: "2026-01-02T03:04:05Z" },
    messagesPerReplica: 5,
  };
  assert.deepEqual(readState(strange, 1), { ...STATES[0], replicas: 3 });
  assert.equal(
    readState({ replicas: 3, pending: { direction: "Down", since: "2026-01-02T03:04:05Z" } }, 1).pending,
    undefined,
  );
});
