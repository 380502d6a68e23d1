import assert from "node:assert/strict";
import { test } from "node:test";
import type { KinesisSinkStatus, WorkerStatus } from "../../../crds/kinesissink.generated.ts";
import { effectiveReplicas } from "../../../operator/desired/replicas.ts";
import { autoscale } from "../../../operator/reconcile/autoscale.ts";
import { freshMemory } from "../../../operator/reconcile/context.ts";
import type { Observed } from "../../../operator/status/observed.ts";
import { adjustableClock, createVirtualClock } from "../../clock.ts";
import { liveSink } from "../sink-fixture.ts";

type Known = KinesisSinkStatus["autoscaling"];

const AUTOSCALING = { minReplicas: 2, maxReplicas: 8, targetLagSeconds: 60 };
const MINUTE = 60_000;

/** A sink that the operator scales, and what it says with each look. */
function scene(spec: Record<string, unknown> = {}) {
  const clock = adjustableClock(createVirtualClock());
  const memory = freshMemory("0000-sink");
  let known: Known;
  let given: Record<string, unknown> = { replicas: 3, autoscaling: AUTOSCALING, ...spec };
  const look = (report: Partial<WorkerStatus> = { lagSeconds: 1 }, more: Partial<Observed> = {}) => {
    const sink = { ...liveSink(given), status: known === undefined ? {} : { autoscaling: known } };
    const names = Array.from({ length: effectiveReplicas(sink) }, (_, index) => `w${index}`);
    const pods = names.map((name) => ({
      ...{ name, current: true, ready: true, terminating: false, ended: false },
      ...{ cause: undefined, suspectedCause: undefined },
    }));
    const workers = names.map(
      (pod): WorkerStatus => ({
        ...{ pod, state: "Running", source: { connected: true }, stream: { writable: true }, ratePerSecond: 100 },
        ...report,
      }),
    );
    const observed = { sink, deployment: undefined, pods, workers, stale: [], ignoredProperties: [], ...more };
    const result = autoscale({ clock, memory, sink }, observed, known);
    known = result.status;
    return { ...result, replicas: effectiveReplicas({ ...sink, status: known ? { autoscaling: known } : {} }) };
  };
  return {
    clock,
    look,
    edit: (changes: Record<string, unknown>) => {
      given = { ...given, ...changes };
    },
    /** Another pod takes over, which remembers nothing. */
    handOver: () => {
      memory.decidedAt = undefined;
    },
  };
}

const late = { lagSeconds: 120 };

test("it begins with spec.replicas, and says so", () => {
  const { look } = scene();
  const { status, replicas, events } = look();
  assert.equal(replicas, 3);
  assert.equal(status?.replicas, 3);
  assert.equal(status?.lagSource, "Reported");
  assert.deepEqual(events, []);
});

test("a decision is an Event with its numbers, and stays in the status", () => {
  const { clock, look } = scene();
  look(late);
  clock.advance(MINUTE);
  const { events, replicas, status } = look(late);
  assert.equal(replicas, 6);
  assert.deepEqual(
    events.map(({ type, reason }) => `${type} ${reason}`),
    ["Normal ScaledUp"],
  );
  assert.match(events[0]?.note ?? "", /^3 → 6 workers: lag 120 s of targetLagSeconds 60/);
  assert.equal(status?.lastDecision, events[0]?.note);
  clock.advance(MINUTE);
  assert.equal(look().status?.lastDecision, events[0]?.note);
});

test("a new leader goes on with a stabilization that has begun", () => {
  const { clock, handOver, look } = scene();
  look(late);
  clock.advance(40_000);
  handOver();
  assert.equal(look(late).replicas, 3);
  clock.advance(20_000);
  handOver();
  assert.equal(look(late).replicas, 6);
});

test("reports of a second in a row are one look, and a change that waits is looked at when it is due", () => {
  const { clock, look } = scene();
  assert.equal(look(late).againAfterMs, MINUTE);
  clock.advance(1000);
  const { againAfterMs, status } = look({ lagSeconds: 1 });
  assert.equal(againAfterMs, 14_000);
  assert.ok(status?.pending, "nothing was decided");
  clock.advance(14_000);
  assert.equal(look({ lagSeconds: 1 }).status?.pending, undefined);
});

test("a stale report takes no worker away", () => {
  const { clock, look } = scene({ replicas: 8 });
  const idle = { lagSeconds: 0, ratePerSecond: 0 };
  const stale = [{ pod: "w3", ageMs: 90_000 }];
  look(idle, { stale });
  clock.advance(60 * MINUTE);
  const { replicas, status } = look(idle, { stale });
  assert.equal(replicas, 8);
  assert.equal(status?.reason, "ReportsMissing");
});

test("paused and spec.replicas 0 stop the sink, and it starts again with as many as it had", () => {
  for (const [stop, start] of [
    [{ paused: true }, { paused: false }],
    [{ replicas: 0 }, { replicas: 3 }],
  ] as const) {
    const { clock, edit, look } = scene();
    look(late);
    clock.advance(MINUTE);
    assert.equal(look(late).replicas, 6);
    edit(stop);
    const stopped = look();
    assert.equal(stopped.replicas, 0);
    assert.equal(stopped.status?.reason, "Stopped");
    assert.equal(stopped.status?.replicas, 6);
    edit(start);
    const started = look();
    assert.equal(started.replicas, 6);
    assert.deepEqual(started.events, []);
  }
});

test("another spec.replicas has no effect, which is told once for each change", () => {
  const { edit, handOver, look } = scene();
  look();
  edit({ replicas: 7 });
  const { events, replicas } = look();
  assert.equal(replicas, 3);
  assert.deepEqual(
    events.map(({ reason, note }) => `${reason}: ${note.slice(0, 33)}`),
    ["ReplicasIgnored: spec.replicas 7 has no effect whi"],
  );
  handOver();
  assert.deepEqual(look().events, []);
  edit({ replicas: 5 });
  assert.equal(look().events.length, 1);
});

test("that a shard is the limit is told once", () => {
  const { clock, look } = scene();
  const limited = { ...late, slowestShard: "shardId-7" };
  const told: string[] = [];
  for (let minute = 0; minute < 5; minute += 1) {
    const { events, replicas } = look(limited);
    assert.equal(replicas, 3);
    told.push(...events.map(({ type, note }) => `${type} ${note.slice(0, 53)}`));
    clock.advance(MINUTE);
  }
  assert.deepEqual(told, ["Warning the sink stays at 3 workers: shardId-7 of the stream "]);
});

test("bounds that have changed are kept at once, between two looks too", () => {
  const { edit, look } = scene();
  look();
  edit({ autoscaling: { ...AUTOSCALING, minReplicas: 5 } });
  const { events, replicas, status } = look();
  assert.equal(replicas, 5);
  assert.equal(status?.replicas, 5);
  assert.deepEqual(
    events.map(({ reason }) => reason),
    ["ScaledToBounds"],
  );
});

test("while the spec is refused the number stays what it is", () => {
  const { clock, look } = scene();
  look(late);
  clock.advance(MINUTE);
  const refused = { reason: "InvalidSpec", message: "", stalls: true };
  const { replicas, events } = look(late, { refused });
  assert.equal(replicas, 3);
  assert.deepEqual(events, []);
});

test("a sink without autoscaling has nothing of it in its status", () => {
  const { edit, look } = scene();
  look();
  edit({ autoscaling: undefined });
  const { replicas, status } = look();
  assert.equal(status, undefined);
  assert.equal(replicas, 3);
});
