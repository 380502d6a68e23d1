import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition } from "../../../crds/kinesissink.generated.ts";
import type { ConditionStatus, ConditionType } from "../../../crds/status-values.ts";
import { transitions } from "../../../operator/reconcile/transitions.ts";

function condition(type: ConditionType, status: ConditionStatus, reason: string, message = "why"): Condition {
  return { type, status, reason, message, lastTransitionTime: "2026-01-01T00:00:00Z" };
}

const ready = condition("Ready", "True", "WorkersReady");
const broken = condition("Ready", "False", "StreamNotFound");
const told = (before: Condition[], after: Condition[]) =>
  transitions(before, after).map(({ type, reason }) => `${type} ${reason}`);

test("a change of Ready's status or reason is one Event, of the type that fits", () => {
  assert.deepEqual(told([], [ready]), ["Normal WorkersReady"]);
  assert.deepEqual(told([ready], [broken]), ["Warning StreamNotFound"]);
  assert.deepEqual(told([broken], [condition("Ready", "False", "AccessDenied")]), ["Warning AccessDenied"]);
  assert.deepEqual(told([ready], [condition("Ready", "False", "Paused")]), ["Normal Paused"]);
});

test("a stop is one Event, whether its end is seen before pods are gone or after", () => {
  const stopping = condition("Ready", "False", "Paused");
  const paused = condition("Paused", "True", "Paused");
  assert.deepEqual(told([ready], [stopping]), ["Normal Paused"]);
  assert.deepEqual(told([stopping], [paused]), []);
  assert.deepEqual(told([paused], [paused]), []);
  assert.deepEqual(told([], [paused]), ["Normal Paused"]);
  assert.deepEqual(told([paused], [condition("Paused", "True", "ScaledToZero")]), ["Normal ScaledToZero"]);
  assert.deepEqual(told([paused], [ready]), ["Normal WorkersReady"]);
});

test("another message alone is none", () => {
  assert.deepEqual(told([ready], [condition("Ready", "True", "WorkersReady", "2 of 3")]), []);
});

test("Stalled is told apart from Ready only when it says something else", () => {
  assert.deepEqual(told([ready], [broken, condition("Stalled", "True", "StreamNotFound")]), ["Warning StreamNotFound"]);
  const poison = condition("Stalled", "True", "PoisonMessage");
  assert.deepEqual(told([ready], [ready, poison]), ["Warning PoisonMessage"]);
  assert.deepEqual(told([ready, poison], [ready, poison]), []);
});
