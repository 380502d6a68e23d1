import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChildView, Cluster, PodView } from "../../../operator/cluster/cluster.ts";
import { type CoreEvent, latestWarning } from "../../../operator/cluster/pod-warning.ts";
import { DEPLOYMENTS } from "../../../operator/kube/objects.ts";
import { freshMemory } from "../../../operator/reconcile/context.ts";
import { askForWarnings } from "../../../operator/reconcile/pod-warnings.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { liveSink } from "../sink-fixture.ts";

const FORBIDDEN = new ApiError("GET", 403, { reason: "Forbidden" });

function event(reason: string, at: string, message = reason): CoreEvent {
  return { metadata: { name: `${reason}.${at}` }, reason, message, lastTimestamp: at };
}

/** A sink with these pods, and what the API server answers to who asks for the warnings about one. */
function situation(pods: (Partial<PodView> & { name: string })[], answer: () => CoreEvent[]) {
  const sink = liveSink();
  const key = "shop/orders";
  const view = (uid: string, controllerUid: string): ChildView => {
    return { key, resourceVersion: "1", uid, group: key, controllerUid, fingerprint: "" };
  };
  const views = pods.map((pod): PodView => {
    const stored = { key: `shop/${pod.name}`, resourceVersion: "1", group: key, controllerUid: "set" };
    const state = {
      ...{ templateHash: "", configMap: undefined, account: "" },
      ...{ terminating: false, ended: false, ready: false, started: false },
    };
    return { ...stored, ...state, cause: undefined, repeatedExit: undefined, ...pod };
  });
  const cluster: Cluster = {
    sink: () => sink,
    child: (type) => (type === DEPLOYMENTS ? view("deployment", sink.metadata.uid) : undefined),
    replicaSets: () => [view("set", "deployment")],
    pods: () => views,
    configMaps: () => [],
  };
  const asked: ApiRequest[] = [];
  const client: KubeClient = {
    request: async <T>(request: ApiRequest) => {
      asked.push(request);
      return { items: answer() } as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const clock = createVirtualClock();
  const memory = freshMemory(sink.metadata.uid);
  const signal = new AbortController().signal;
  const context = { client, clock, cluster, key, logger: silentLog, memory, signal, sink };
  return { asked, clock, memory, views, run: () => askForWarnings(context) };
}

test("a pod that has not started after 10 s is asked about, and then ever more rarely", async () => {
  const { asked, clock, memory, run } = situation([{ name: "w1" }], () => [
    event("FailedMount", "2026-01-01T00:00:09Z"),
  ]);
  assert.equal(await run(), 10_000);
  assert.equal(asked.length, 0);
  await clock.advance(10_000);
  assert.equal(await run(), 10_000);
  assert.equal(asked[0]?.path, "/api/v1/namespaces/shop/events");
  assert.equal(asked[0]?.query?.["fieldSelector"], "involvedObject.kind=Pod,involvedObject.name=w1,type=Warning");
  assert.equal(memory.podWarnings.get("w1")?.cause?.reason, "FailedMount");
  const waits: (number | undefined)[] = [];
  for (let turn = 0; turn < 7; turn += 1) {
    await clock.advance(300_000);
    waits.push(await run());
  }
  assert.deepEqual(waits, [20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
});

test("nobody asks about pods that run, end, or have a cause, and what was known of them is forgotten", async () => {
  const cause = { reason: "Unschedulable", message: "", stalls: false };
  const { asked, clock, memory, views, run } = situation(
    [
      { name: "ready", ready: true },
      { name: "started", started: true },
      { name: "ends", terminating: true },
      { name: "told", cause },
      { name: "new" },
    ],
    () => [event("FailedMount", "2026-01-01T00:00:09Z")],
  );
  await run();
  await clock.advance(10_000);
  await run();
  assert.equal(asked.length, 1);
  views.pop();
  assert.equal(await run(), undefined);
  assert.equal(memory.podWarnings.size, 0);
});

test("of hundreds of pods that do not start, three are asked about", async () => {
  const { asked, clock, run } = situation(
    Array.from({ length: 200 }, (_, nth) => ({ name: `w${nth}` })),
    () => [],
  );
  await run();
  await clock.advance(10_000);
  await run();
  assert.equal(asked.length, 3);
});

test("warnings that may not be read leave the status as it is without them", async () => {
  const { clock, memory, run } = situation([{ name: "w1" }], () => {
    throw FORBIDDEN;
  });
  await run();
  await clock.advance(10_000);
  assert.equal(await run(), 10_000);
  assert.equal(memory.podWarnings.get("w1")?.cause, undefined);
});

test("the last warning counts, but not those of which the pod's own status says more", () => {
  const events = [
    event("FailedMount", "2026-01-01T00:00:01Z", "an old one"),
    event("FailedMount", "2026-01-01T00:00:03Z", 'secret "aws" not found'),
    event("FailedScheduling", "2026-01-01T00:00:09Z"),
  ];
  assert.deepEqual(latestWarning(events), { reason: "FailedMount", message: 'secret "aws" not found', stalls: false });
  assert.equal(latestWarning([event("BackOff", "2026-01-01T00:00:01Z")]), undefined);
});
