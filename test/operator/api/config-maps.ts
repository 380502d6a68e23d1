import type { ChildView, Cluster, PodView } from "../../../operator/cluster/cluster.ts";
import { childView, deploymentView, podView } from "../../../operator/cluster/views.ts";
import { children } from "../../../operator/desired/children.ts";
import { CONFIG_MAPS, DEPLOYMENTS, type KubeObject, PODS } from "../../../operator/kube/objects.ts";
import { createMetrics } from "../../../operator/metrics.ts";
import { freshMemory } from "../../../operator/reconcile/context.ts";
import { pruneConfigMaps } from "../../../operator/reconcile/prune-config-maps.ts";
import type { ResourceType } from "../../../runtime/kube/resource-type.ts";
import { adjustableClock } from "../../clock.ts";
import { silentLog } from "../../silent-log.ts";
import { WORKER_DEFAULTS } from "../sink-fixture.ts";
import type { TestCluster } from "./cluster.ts";
import { sink } from "./sinks.ts";

const TEN_MINUTES_MS = 10 * 60_000;

/** What the watches would show of a sink now. */
async function mirrored(cluster: TestCluster, name: string): Promise<Cluster> {
  const views = async <T extends { group: string | undefined }>(type: ResourceType, view: (object: KubeObject) => T) =>
    (await cluster.list<KubeObject>(type)).map(view).filter(({ group }) => group === `${cluster.namespace}/${name}`);
  const live = await sink(cluster, name);
  const [deployment] = await views<ChildView>(DEPLOYMENTS, deploymentView);
  const configMaps = await views<ChildView>(CONFIG_MAPS, (object) => childView(CONFIG_MAPS, object));
  const pods = await views<PodView>(PODS, podView);
  return {
    sink: () => live,
    child: (type) => (type === DEPLOYMENTS ? deployment : undefined),
    replicaSets: () => [],
    pods: () => pods,
    configMaps: () => configMaps,
  };
}

/** Prunes a sink's configurations as an operator does that looks at once, and again after ten minutes. */
export async function pruneAfterTenMinutes(
  cluster: TestCluster,
  name: string,
  more: Partial<Cluster> = {},
): Promise<void> {
  const live = await sink(cluster, name);
  const clock = adjustableClock();
  const context = {
    client: cluster.client,
    clock,
    logger: silentLog,
    metrics: createMetrics(),
    cluster: { ...(await mirrored(cluster, name)), ...more },
    memory: freshMemory(live.metadata.uid),
    signal: new AbortController().signal,
    sink: live,
    key: `${cluster.namespace}/${name}`,
    children: children(live, WORKER_DEFAULTS),
  };
  await pruneConfigMaps(context);
  clock.advance(TEN_MINUTES_MS);
  await pruneConfigMaps(context);
}
