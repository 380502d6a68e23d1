import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceHash } from "../../../crds/subscription.ts";
import { workerConfig } from "../../../operator/desired/config-map.ts";
import { deployment, templateHash } from "../../../operator/desired/deployment.ts";
import type { LiveSink } from "../../../operator/desired/names.ts";
import { computeStatus } from "../../../operator/status/status.ts";
import { createSubscribedBefore } from "../../../worker/report/subscribed-before.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { liveSink, WORKER_DEFAULTS } from "../sink-fixture.ts";

const TOPICS = ["persistent://public/default/orders", "persistent://public/default/returns"];

function sinkOf(pulsar: Record<string, unknown> = {}, subscribed?: string): LiveSink {
  const subscription = { initialPosition: "Latest" };
  const sink = liveSink({ pulsar: { serviceUrl: "pulsar://pulsar:6650", topics: TOPICS, subscription, ...pulsar } });
  return subscribed === undefined ? sink : { ...sink, status: { subscribed } };
}

/** What the status says of it when the one worker reports that. */
function told(sink: LiveSink, connected: boolean, hash = workerConfig(sink).hash): string | undefined {
  const more = { ready: true, terminating: false, ended: false, cause: undefined, suspectedCause: undefined };
  const state = "Running" as const;
  const worker = { pod: "w1", state, configHash: hash, source: { connected }, stream: { writable: true } };
  const observed = {
    ...{ sink, refused: undefined, deployment: undefined, stale: [], ignoredProperties: [] },
    pods: [{ name: "w1", current: true, ...more }],
    workers: [worker],
  };
  return computeStatus(observed, [], "2026-01-01T00:00:00Z").subscribed;
}

/** What a worker of the sink learns when it begins. */
function tells(sink: LiveSink): Promise<boolean> {
  const before = createSubscribedBefore(sourceHash(sink), createVirtualClock(), silentLog);
  before.seen(sink.status ?? {});
  return before.known();
}

test("that workers were subscribed to everything is known from then on, also while none runs", async () => {
  const sink = sinkOf();
  assert.equal(told(sink, false), undefined);
  assert.equal(told(sink, true, "the hash of an earlier configuration"), undefined);
  const known = told(sink, true);
  assert.equal(known, sourceHash(sink));
  const later = sinkOf({}, known);
  assert.equal(told(later, false), known);
  assert.deepEqual([await tells(sink), await tells(later)], [false, true]);
});

test("another cluster, subscription or list of topics begins anew; another order of the topics does not", async () => {
  const known = sourceHash(sinkOf());
  const others = [
    { serviceUrl: "pulsar://other:6650" },
    { subscription: { initialPosition: "Latest", name: "other" } },
    { topics: [...TOPICS, "persistent://public/default/third"] },
    { topics: undefined, topicsPattern: "persistent://public/default/.*" },
  ];
  for (const other of others) {
    const sink = sinkOf(other, known);
    assert.equal(await tells(sink), false, JSON.stringify(other));
    assert.equal(told(sink, false), known, "until workers were subscribed to it");
    assert.equal(told(sink, true), sourceHash(sink));
  }
  assert.equal(await tells(sinkOf({ topics: TOPICS.toReversed() }, known)), true);
});

test("it restarts no worker, and does not matter where subscriptions begin at the oldest message", () => {
  const sink = sinkOf();
  const after = sinkOf({}, sourceHash(sink));
  const [one, other] = [sink, after].map((of) => templateHash(deployment(of, WORKER_DEFAULTS)));
  assert.equal(one, other);
  const earliest = sinkOf({ subscription: {} });
  assert.equal(told(earliest, true), undefined);
});
