import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { KubeClient } from "../../runtime/kube/client.ts";
import { collectionPath, type ResourceType } from "../../runtime/kube/resource-type.ts";
import type { Logger } from "../../runtime/log.ts";
import { MANAGED_SELECTOR } from "../desired/names.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  type KubeObject,
  PODS,
  REPLICA_SETS,
  ROLE_BINDINGS,
  ROLES,
  SERVICE_ACCOUNTS,
} from "../kube/objects.ts";
import { createReflector, type Reflector } from "../kube/reflector.ts";
import { createStore, type Store } from "../kube/store.ts";
import type { ChildView, Cluster, PodView, SinkView } from "./cluster.ts";
import { childView, deploymentView, podView, sinkView } from "./views.ts";

export interface WatchesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Empty means all. */
  readonly namespaces: readonly string[];
  /** Called with the key of a sink that something changed about. */
  readonly onChange: (sinkKey: string) => void;
  /** Called with the plural of a resource whose watch ended in an error and is started again. */
  readonly onWatchRestart: (resource: string) => void;
}

export interface Watches {
  readonly cluster: Cluster;
  /** Resolves when the signal has aborted and every watch has ended. */
  run(signal: AbortSignal): Promise<void>;
  /** True once every collection was listed: before that, what is absent may only be unknown. */
  synced(): boolean;
}

interface Collection {
  readonly type: ResourceType;
  readonly store: Pick<Store<unknown>, "replacement" | "put" | "remove">;
  readonly query?: Readonly<Record<string, string>>;
  /** Only metadata is asked for; the rest would be thrown away. */
  readonly metadataOnly?: boolean;
}

const MANAGED = { labelSelector: MANAGED_SELECTOR };
const CHILDREN_BY_METADATA = [SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, CONFIG_MAPS];

/** Mirrors everything that reconciling needs to see. */
export function createWatches(options: WatchesOptions): Watches {
  const childStore = (reduce: (object: KubeObject) => ChildView) =>
    createStore<ChildView>({ reduce, groupOf: (child) => child.group, onChange: options.onChange });
  const sinks = createStore<SinkView>({ reduce: sinkView, groupOf: ({ key }) => key, onChange: options.onChange });
  const children = new Map(CHILDREN_BY_METADATA.map((type) => [type.kind, childStore(childView)]));
  const deployments = childStore(deploymentView);
  children.set(DEPLOYMENTS.kind, deployments);
  const replicaSets = childStore(childView);
  const pods = createStore<PodView>({ reduce: podView, groupOf: (pod) => pod.group, onChange: options.onChange });

  const collections: Collection[] = [
    { type: KINESIS_SINKS, store: sinks },
    { type: DEPLOYMENTS, store: deployments, query: MANAGED },
    { type: REPLICA_SETS, store: replicaSets, query: MANAGED, metadataOnly: true },
    { type: PODS, store: pods, query: MANAGED },
    ...CHILDREN_BY_METADATA.flatMap((type) => {
      const store = children.get(type.kind);
      return store ? [{ type, store, query: MANAGED, metadataOnly: true }] : [];
    }),
  ];
  const scopes = options.namespaces.length === 0 ? [undefined] : options.namespaces;
  const reflectors = collections.flatMap((collection) =>
    scopes.map((namespace) => reflectorOf(options, collection, namespace)),
  );

  return {
    cluster: {
      sink: (key) => sinks.get(key)?.sink,
      child: (type, key) => children.get(type.kind)?.get(key),
      replicaSets: (key) => replicaSets.group(key),
      pods: (key) => pods.group(key),
    },
    synced: () => reflectors.every((reflector) => reflector.synced()),
    run: async (signal) => {
      await Promise.all(reflectors.map((reflector) => reflector.run(signal)));
    },
  };
}

function reflectorOf(options: WatchesOptions, collection: Collection, namespace: string | undefined): Reflector {
  const { type, store, query, metadataOnly = false } = collection;
  return createReflector({
    ...options,
    name: type.plural,
    path: collectionPath(type, namespace),
    store: namespace === undefined ? store : withinNamespace(store, namespace),
    metadataOnly,
    ...(query ? { query } : {}),
    onRestart: () => options.onWatchRestart(type.plural),
  });
}

/** Several reflectors fill one store; each replaces its own namespace's objects only. */
function withinNamespace(store: Collection["store"], namespace: string): Collection["store"] {
  return {
    put: (object) => store.put(object),
    remove: (key) => store.remove(key),
    replacement: () => store.replacement(`${namespace}/`),
  };
}
