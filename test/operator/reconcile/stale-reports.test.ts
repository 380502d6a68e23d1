import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkerStatus } from "../../../crds/kinesissink.generated.ts";
import type { LiveSink } from "../../../operator/desired/names.ts";
import { freshMemory } from "../../../operator/reconcile/context.ts";
import { staleReports } from "../../../operator/reconcile/stale-reports.ts";
import type { KubeClient } from "../../../runtime/kube/client.ts";
import { createVirtualClock } from "../../clock.ts";
import { liveSink } from "../sink-fixture.ts";

const START = createVirtualClock().wall();

function entry(pod: string, reportedAtMs: number): WorkerStatus {
  return { pod, state: "Running", reportedAt: new Date(START + reportedAtMs).toISOString() };
}

/** A sink as the watch shows it, and as the API server has it: the same unless `live` is set. */
function situation(replicas: number, workers: WorkerStatus[]) {
  const clock = createVirtualClock();
  const scene: { sink: LiveSink; live: LiveSink | undefined; asked: number } = {
    sink: { ...liveSink({ replicas }), status: { workers } },
    live: undefined,
    asked: 0,
  };
  const client: KubeClient = {
    request: async <T>() => {
      scene.asked += 1;
      return (scene.live ?? scene.sink) as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const memory = freshMemory(scene.sink.metadata.uid);
  const signal = new AbortController().signal;
  return {
    clock,
    scene,
    look: () => staleReports({ client, clock, memory, signal, sink: scene.sink }),
    report: (...entries: WorkerStatus[]) => {
      scene.sink = { ...scene.sink, status: { workers: entries } };
    },
    scale: (to: number) => {
      scene.sink = { ...scene.sink, spec: { ...scene.sink.spec, replicas: to } };
    },
  };
}

test("a report is stale after three beats, and not any more with the next one", async () => {
  const { clock, look, report } = situation(2, [entry("w1", 0), entry("w2", 0)]);
  assert.deepEqual(await look(), { stale: [], againAfterMs: 30_000 });
  await clock.advance(20_000);
  report(entry("w1", 0), entry("w2", 20_000));
  assert.deepEqual(await look(), { stale: [], againAfterMs: 10_000 });
  await clock.advance(10_000);
  assert.deepEqual(await look(), { stale: [{ pod: "w1", ageMs: 30_000 }], againAfterMs: 20_000 });
  report(entry("w1", 30_000), entry("w2", 20_000));
  assert.deepEqual((await look()).stale, []);
});

test("the beat is the one that the worker knew of when it reported", async () => {
  const { clock, look, scale } = situation(100, [entry("w1", 0)]);
  assert.equal((await look()).againAfterMs, 750_000);
  scale(1);
  await clock.advance(749_999);
  assert.deepEqual((await look()).stale, []);
  await clock.advance(1);
  assert.equal((await look()).stale.length, 1);
});

test("a worker whose clock is wrong is not stale while it reports", async () => {
  for (const skew of [-4 * 60_000, 86_400_000]) {
    const { clock, look, report } = situation(1, [entry("w1", skew)]);
    assert.deepEqual((await look()).stale, []);
    await clock.advance(20_000);
    report(entry("w1", skew + 20_000));
    await look();
    await clock.advance(29_999);
    assert.deepEqual((await look()).stale, [], `by ${skew} ms`);
  }
});

test("a new operator tells at once of a report that is older than any skew", async () => {
  const { look } = situation(1, [entry("w1", -3_600_000)]);
  assert.deepEqual((await look()).stale, [{ pod: "w1", ageMs: 3_600_000 }]);
});

test("a watch that lags makes no report old: the API server has the last word, and is asked once", async () => {
  const { clock, look, scene } = situation(1, [entry("w1", 0)]);
  await look();
  await clock.advance(30_000);
  scene.live = { ...scene.sink, status: { workers: [entry("w1", 25_000)] } };
  assert.deepEqual(await look(), { stale: [], againAfterMs: 30_000 });
  scene.live = undefined;
  await clock.advance(30_000);
  assert.equal((await look()).stale.length, 1);
  await clock.advance(30_000);
  assert.deepEqual((await look()).stale, [{ pod: "w1", ageMs: 60_000 }], "since the operator learned of it");
  assert.equal(scene.asked, 2);
});
