import { operatorClassOf } from "../../crds/operator-class.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { KubeClient } from "../../runtime/kube/client.ts";
import { collectionPath, type ResourceType } from "../../runtime/kube/resource-type.ts";
import type { Logger } from "../../runtime/log.ts";
import { CHILD_TYPES } from "../desired/children.ts";
import { type LiveSink, MANAGED_SELECTOR } from "../desired/names.ts";
import { CONFIG_MAPS, DEPLOYMENTS, type KubeObject, PODS, REPLICA_SETS, splitKey } from "../kube/objects.ts";
import { createReflector } from "../kube/reflector.ts";
import { createStore, type Store } from "../kube/store.ts";
import type { ChildView, Cluster, PodView, SinkView } from "./cluster.ts";
import { type NamedReflector, type ScopeState, scopeState } from "./scope.ts";
import { sinkView } from "./sink-view.ts";
import { childView, deploymentView, podView } from "./views.ts";

export interface WatchesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Empty means all. */
  readonly namespaces: readonly string[];
  /** Sinks of other classes are as if they did not exist. */
  readonly operatorClass: string;
  /**
   * Called with the key of a sink that something changed about; not before everything of its namespace was listed, for an
   * object that was not would look like one that does not exist.
   */
  readonly onChange: (sinkKey: string) => void;
  /** Called with the plural of a resource whose watch ended in an error and is started again. */
  readonly onWatchRestart: (resource: string) => void;
}

export interface Watches {
  readonly cluster: Cluster;
  /** Resolves when the signal has aborted and every watch has ended. */
  run(signal: AbortSignal): Promise<void>;
  /** One for each namespace, or one for all together. */
  scopes(): ScopeState[];
}

interface Collection {
  readonly type: ResourceType;
  readonly store: Pick<Store<unknown>, "replacement" | "put" | "remove">;
  readonly query?: Readonly<Record<string, string>>;
  /** Only metadata is asked for; the rest would be thrown away. */
  readonly metadataOnly?: boolean;
}

const MANAGED = { labelSelector: MANAGED_SELECTOR };
const CHILDREN_BY_METADATA = CHILD_TYPES.filter((type) => type !== DEPLOYMENTS);

/** Mirrors everything that reconciling needs to see. */
export function createWatches(options: WatchesOptions): Watches {
  return new ClusterWatches(options);
}

class ClusterWatches implements Watches {
  readonly cluster: Cluster;
  readonly #options: WatchesOptions;
  readonly #sinks: Store<SinkView>;
  /** By namespace; one for all has no name. */
  readonly #scopes = new Map<string | undefined, NamedReflector[]>();
  readonly #synced = new Set<string | undefined>();

  constructor(options: WatchesOptions) {
    this.#options = options;
    const onChange = (sinkKey: string) => this.#changed(sinkKey);
    const childStore = (reduce: (object: KubeObject) => ChildView) =>
      createStore<ChildView>({ reduce, groupOf: (child) => child.group, onChange });
    const viewOf = (type: ResourceType) => (object: KubeObject) => childView(type, object);
    const sinks = createStore<SinkView>({
      reduce: (object) =>
        operatorClassOf(object as LiveSink) === options.operatorClass ? sinkView(object) : undefined,
      groupOf: ({ key }) => key,
      onChange,
    });
    const children = new Map(CHILDREN_BY_METADATA.map((type) => [type.kind, childStore(viewOf(type))]));
    const deployments = childStore(deploymentView);
    children.set(DEPLOYMENTS.kind, deployments);
    const replicaSets = childStore(viewOf(REPLICA_SETS));
    const pods = createStore<PodView>({ reduce: podView, groupOf: (pod) => pod.group, onChange });
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
    this.#sinks = sinks;
    this.cluster = {
      sink: (key) => sinks.get(key)?.sink,
      child: (type, key) => children.get(type.kind)?.get(key),
      replicaSets: (key) => replicaSets.group(key),
      pods: (key) => pods.group(key),
      configMaps: (key) => children.get(CONFIG_MAPS.kind)?.group(key) ?? [],
    };
    for (const namespace of options.namespaces.length === 0 ? [undefined] : options.namespaces) {
      this.#scopes.set(
        namespace,
        collections.map((collection) => this.#reflector(collection, namespace)),
      );
    }
  }

  scopes(): ScopeState[] {
    return [...this.#scopes].map(([namespace, reflectors]) => scopeState(namespace, reflectors));
  }

  async run(signal: AbortSignal): Promise<void> {
    const all = [...this.#scopes.values()].flat();
    await Promise.all(all.map(({ reflector }) => reflector.run(signal)));
  }

  #reflector(collection: Collection, namespace: string | undefined): NamedReflector {
    const { type, store, query, metadataOnly = false } = collection;
    const reflector = createReflector({
      ...this.#options,
      name: type.plural,
      namespace,
      path: collectionPath(type, namespace),
      store: namespace === undefined ? store : withinNamespace(store, namespace),
      metadataOnly,
      ...(query ? { query } : {}),
      onSynced: () => this.#listed(namespace),
      onRestart: () => this.#options.onWatchRestart(type.plural),
    });
    return { resource: type.plural, reflector };
  }

  #scopeOf(sinkKey: string): string | undefined {
    return this.#options.namespaces.length === 0 ? undefined : splitKey(sinkKey).namespace;
  }

  #changed(sinkKey: string): void {
    if (this.#synced.has(this.#scopeOf(sinkKey))) this.#options.onChange(sinkKey);
  }

  /** With the last list of a scope, its sinks have their turn. */
  #listed(namespace: string | undefined): void {
    const reflectors = this.#scopes.get(namespace) ?? [];
    if (!reflectors.every(({ reflector }) => reflector.synced())) return;
    this.#synced.add(namespace);
    this.#options.logger.info("all watches are in sync", { namespace });
    for (const { key } of this.#sinks.values()) if (this.#scopeOf(key) === namespace) this.#options.onChange(key);
  }
}

/** Several reflectors fill one store; each replaces its own namespace's objects only. */
function withinNamespace(store: Collection["store"], namespace: string): Collection["store"] {
  return {
    put: (object) => store.put(object),
    remove: (key) => store.remove(key),
    replacement: () => store.replacement(`${namespace}/`),
  };
}
