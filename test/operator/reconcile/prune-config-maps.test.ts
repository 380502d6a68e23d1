import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChildView } from "../../../operator/cluster/cluster.ts";
import { podView } from "../../../operator/cluster/views.ts";
import { children } from "../../../operator/desired/children.ts";
import { workerConfig } from "../../../operator/desired/config-map.ts";
import { createMetrics } from "../../../operator/metrics.ts";
import { freshMemory } from "../../../operator/reconcile/context.ts";
import {
  type ConfigMapContext,
  pruneConfigMaps,
  pruneConfigMapsAgainMs,
} from "../../../operator/reconcile/prune-config-maps.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { adjustableClock, createVirtualClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { liveSink, WORKER_DEFAULTS } from "../sink-fixture.ts";

const MINUTE_MS = 60_000;
const KEY = "shop/orders";
const sink = liveSink();

interface Scene {
  /** Names of the ConfigMaps that are there. */
  maps: readonly string[];
  /** What pods and ReplicaSets mount, and the Deployment's template. */
  pods?: readonly string[];
  sets?: readonly (readonly [configMap: string, replicas: number])[];
  template?: string;
  observedGeneration?: number;
  /** Uid of the sink that controls the ConfigMaps. */
  owner?: string;
}

const mounts = (name: string) => ({ volumes: [{ name: "config", configMap: { name } }] });

function pruner(scene: Scene) {
  const deleted: string[] = [];
  const clock = adjustableClock(createVirtualClock());
  const stored = { resourceVersion: "1", group: KEY, fingerprint: "" };
  const view = (name: string): ChildView => ({
    ...stored,
    key: `shop/${name}`,
    uid: `uid-${name}`,
    controllerUid: scene.owner ?? sink.metadata.uid,
  });
  const client: KubeClient = {
    request: async <T>({ method, path, body }: ApiRequest) => {
      if (method !== "DELETE") {
        const items = (scene.sets ?? []).map(([name, replicas]) => ({
          spec: { replicas, template: { spec: mounts(name) } },
        }));
        return { items } as T;
      }
      const name = path.split("/").at(-1) ?? "";
      assert.deepEqual((body as { preconditions: object }).preconditions, { uid: `uid-${name}` });
      deleted.push(name);
      scene.maps = scene.maps.filter((one) => one !== name);
      return {} as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const context: ConfigMapContext = {
    client,
    clock,
    logger: silentLog,
    metrics: createMetrics(),
    cluster: {
      sink: () => sink,
      child: () => ({
        ...view("deployment"),
        controllerUid: sink.metadata.uid,
        deployment: { generation: 2, observedGeneration: scene.observedGeneration ?? 2, replicas: 1, conditions: [] },
        template: { configMap: scene.template ?? workerConfig(sink).name } as NonNullable<ChildView["template"]>,
      }),
      replicaSets: () => [],
      pods: () => (scene.pods ?? []).map((name, nth) => podView({ metadata: { name: `p${nth}` }, spec: mounts(name) })),
      configMaps: () => scene.maps.map(view),
    },
    memory: freshMemory(sink.metadata.uid),
    signal: new AbortController().signal,
    sink,
    key: KEY,
    children: children(sink, WORKER_DEFAULTS),
  };
  return {
    deleted,
    againMs: () => pruneConfigMapsAgainMs(context),
    after: async (minutes: number) => {
      clock.advance(minutes * MINUTE_MS);
      await pruneConfigMaps(context);
      return deleted.splice(0);
    },
  };
}

const OWN = workerConfig(sink).name;
const FORMER = "orders-kinesis-sink";

test("a configuration goes ten minutes after the last pod that has it", async () => {
  const scene: Scene = { maps: [OWN, "orders-kinesis-sink-0", FORMER], pods: [OWN, "orders-kinesis-sink-0", FORMER] };
  const { after, againMs } = pruner(scene);
  assert.deepEqual(await after(60), []);
  assert.equal(againMs(), undefined);
  scene.pods = [OWN, FORMER];
  assert.deepEqual(await after(60), []);
  assert.equal(againMs(), 10 * MINUTE_MS);
  assert.deepEqual(await after(9), []);
  assert.deepEqual(await after(1), ["orders-kinesis-sink-0"]);
  scene.pods = [OWN];
  await after(0);
  assert.deepEqual(await after(10), [FORMER], "a former release's stays as long as pods have it");
});

test("a pod that has it again meanwhile begins the time anew", async () => {
  const scene: Scene = { maps: [OWN, FORMER], pods: [OWN] };
  const { after } = pruner(scene);
  await after(0);
  scene.pods = [OWN, FORMER];
  await after(5);
  scene.pods = [OWN];
  await after(5);
  assert.deepEqual(await after(9), []);
  assert.deepEqual(await after(1), [FORMER]);
});

test("what a ReplicaSet would make a pod with stays, although there is no pod", async () => {
  const scene: Scene = { maps: [OWN, FORMER], sets: [[FORMER, 1]] };
  const { after } = pruner(scene);
  await after(0);
  assert.deepEqual(await after(10), []);
  scene.sets = [[FORMER, 0]];
  assert.deepEqual(await after(9), []);
  assert.deepEqual(await after(1), [FORMER]);
});

test("nothing goes while the Deployment's controller lags, or by its own template", async () => {
  const lagging = pruner({ maps: [FORMER], observedGeneration: 1 });
  await lagging.after(0);
  assert.deepEqual(await lagging.after(60), []);
  const own = pruner({ maps: [FORMER], template: FORMER });
  await own.after(0);
  assert.deepEqual(await own.after(60), []);
});

test("what another owner has is not the sink's to delete", async () => {
  const { after } = pruner({ maps: [FORMER], owner: "another" });
  await after(0);
  assert.deepEqual(await after(60), []);
});
