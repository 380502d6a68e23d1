import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Condition, WorkerStatus } from "../../../crds/kinesissink.generated.ts";
import type { WorkerState } from "../../../crds/status-values.ts";
import type { Cause, Observed, ObservedPod } from "../../../operator/status/observed.ts";
import { computeStatus } from "../../../operator/status/status.ts";
import { statusErrors } from "../../crds/status-errors.ts";
import { liveSink } from "../sink-fixture.ts";

const NOW = "2026-01-01T00:00:00Z";
const SINKS = [0, 1, 3].flatMap((replicas) => [false, true].map((paused) => liveSink({ replicas, paused })));

const cause: fc.Arbitrary<Cause> = fc.record({
  reason: fc.oneof(fc.constantFrom("NameConflict", "ImagePullBackOff"), fc.string()),
  message: fc.string({ maxLength: 3000 }),
  stalls: fc.boolean(),
});
const perhaps = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const pods: fc.Arbitrary<ObservedPod[]> = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("w1", "w2", "w3", "w4"),
    current: fc.boolean(),
    ready: fc.boolean(),
    terminating: fc.boolean(),
    ended: fc.boolean(),
    cause: perhaps(cause),
    suspectedCause: perhaps(cause),
  }),
  { selector: ({ name }) => name, maxLength: 4 },
);

const reports: fc.Arbitrary<WorkerStatus[]> = fc.uniqueArray(
  fc.record(
    {
      pod: fc.constantFrom("w1", "w2", "w3", "w4"),
      state: fc.constantFrom<WorkerState>("Starting", "Running", "Waiting", "Stalled", "Draining"),
      reason: fc.constantFrom("StreamNotFound", "BrokerUnreachable"),
      message: fc.string({ maxLength: 400 }),
      source: fc.record({ connected: fc.boolean() }),
      stream: fc.record({ writable: fc.boolean() }),
      throttled: fc.record({ shard: fc.constant("shardId-000000000000"), percent: fc.nat(100) }),
      ratePerSecond: fc.nat(),
      backlog: fc.nat(),
    },
    { requiredKeys: ["pod", "state"] },
  ),
  { selector: ({ pod }) => pod, maxLength: 4 },
);

const deploymentCondition = fc.constantFrom(
  { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "timed out" },
  { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota" },
  { type: "Available", status: "True", reason: "MinimumReplicasAvailable", message: "" },
);

const observed: fc.Arbitrary<Observed> = fc.record({
  sink: fc.constantFrom(...SINKS),
  refused: perhaps(cause),
  failed: perhaps(cause),
  deployment: perhaps(
    fc.record({
      generation: fc.nat(3),
      observedGeneration: fc.nat(3),
      replicas: fc.nat(3),
      conditions: fc.uniqueArray(deploymentCondition, { selector: ({ type }) => type }),
    }),
  ),
  pods,
  workers: reports,
  stale: fc.uniqueArray(fc.record({ pod: fc.constantFrom("w1", "w2", "w3"), ageMs: fc.nat() }), {
    selector: ({ pod }) => pod,
  }),
  ignoredProperties: fc.constant([]),
});

function byType(conditions: readonly Condition[]): Partial<Record<Condition["type"], Condition>> {
  return Object.fromEntries(conditions.map((condition) => [condition.type, condition]));
}

test("whatever is observed, the status is one that the definition takes and that contradicts itself nowhere", () => {
  fc.assert(
    fc.property(observed, (of) => {
      const status = computeStatus(of, [], NOW);
      assert.deepEqual(statusErrors(status), []);
      const { Ready, Paused, Reconciling, Stalled, SourceConnected, StreamWritable, Throttled } = byType(
        status.conditions,
      );
      assert.ok(SourceConnected && StreamWritable && Throttled, "these are always there");
      const wished = of.sink.spec.paused || of.sink.spec.replicas === 0;
      const running = of.pods.some((pod) => !pod.ended);
      assert.ok(!Paused || (Paused.status === "True" && wished && !running), "Paused, and not as wished");
      if (!Ready) {
        assert.ok(Paused && !of.refused, "neither Ready nor a reason why not");
        return;
      }
      assert.ok(!(Reconciling && Stalled), "a stalled sink is not on its way");
      assert.ok(!Reconciling || Reconciling.status === "True");
      assert.ok(!Stalled || Stalled.status === "True");
      if (Ready.status === "True") {
        assert.ok(
          of.pods.some((pod) => pod.ready && !pod.terminating),
          "Ready without a ready pod",
        );
        assert.equal(of.refused, undefined);
        assert.ok(!of.sink.spec.paused && of.sink.spec.replicas > 0);
      } else {
        assert.ok(Reconciling || Stalled, "not Ready, and nobody knows whether to wait or to act");
      }
    }),
    { numRuns: 2000 },
  );
});

test("computed again from the same, nothing changes, whenever it is", () => {
  fc.assert(
    fc.property(observed, (of) => {
      const first = computeStatus(of, [], NOW);
      assert.deepEqual(computeStatus(of, first.conditions, "2027-07-07T07:07:07Z"), first);
    }),
    { numRuns: 300 },
  );
});
