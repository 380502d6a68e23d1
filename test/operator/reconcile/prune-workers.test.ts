import assert from "node:assert/strict";
import { test } from "node:test";
import { podView } from "../../../operator/cluster/views.ts";
import { DEPLOYMENTS } from "../../../operator/kube/objects.ts";
import { createMetrics } from "../../../operator/metrics.ts";
import { pruneWorkers } from "../../../operator/reconcile/prune-workers.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { liveSink } from "../sink-fixture.ts";

/** Prunes a sink whose workers `p0`, `p1`, … have reported; returns what was removed, and which pods were asked for. */
async function pruned(phases: (string | undefined)[]) {
  const workers = phases.map((_, nth) => ({ pod: `p${nth}`, state: "Running" }) as const);
  const sink = { ...liveSink(), status: { workers } };
  const key = "shop/orders";
  const view = { key, resourceVersion: "1", group: key, fingerprint: "" };
  const ownerReferences = [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "set", uid: "set", controller: true }];
  const pods = phases.flatMap((phase, nth) =>
    phase === undefined
      ? []
      : podView({ metadata: { name: `p${nth}`, namespace: "shop", ownerReferences }, status: { phase } }),
  );
  const removed: string[] = [];
  const asked: string[] = [];
  const client: KubeClient = {
    request: async <T>({ method, path, body }: ApiRequest) => {
      if (method !== "PATCH") {
        asked.push(path);
        throw new ApiError("GET", 404, {});
      }
      const operations = body as { op: string; path: string }[];
      removed.push(...operations.flatMap(({ op, path }) => (op === "remove" ? path : [])));
      return {} as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const { again } = await pruneWorkers({
    client,
    clock: createVirtualClock(),
    logger: silentLog,
    metrics: createMetrics(),
    cluster: {
      sink: () => sink,
      child: (type) =>
        type === DEPLOYMENTS ? { ...view, uid: "deployment", controllerUid: sink.metadata.uid } : undefined,
      replicaSets: () => [{ ...view, uid: "set", controllerUid: "deployment" }],
      configMaps: () => [],
      pods: () => pods.map((pod) => ({ ...pod, group: key })),
    },
    signal: new AbortController().signal,
    sink,
    key,
  });
  return { removed, asked, again };
}

test("the entries of pods that have ended go, although the pods stay", async () => {
  assert.deepEqual(await pruned(["Running", "Failed", "Pending", "Succeeded"]), {
    removed: ["/status/workers/3", "/status/workers/1"],
    asked: [],
    again: false,
  });
});

test("the entries of pods that vanished go once the API server has none of the name", async () => {
  assert.deepEqual(await pruned(["Running", undefined]), {
    removed: ["/status/workers/1"],
    asked: ["/api/v1/namespaces/shop/pods/p1"],
    again: false,
  });
});
