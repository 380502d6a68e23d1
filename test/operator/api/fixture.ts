import { after, before } from "node:test";
import { type OpenCluster, openCluster, type TestCluster } from "./cluster.ts";
import { runOperator } from "./operator.ts";

/** A namespace of the real cluster with an operator that serves it, for all tests of a suite. */
export function useOperator(): TestCluster {
  return useCluster((cluster) => runOperator(cluster).stop);
}

/**
 * A namespace of the real cluster for all tests of a suite, without an operator.
 * @param start called once the cluster is open; resolves to what is to end before it closes
 */
export function useCluster(
  start?: (cluster: TestCluster) => (() => Promise<void>) | Promise<() => Promise<void>>,
): TestCluster {
  let opened: OpenCluster | undefined;
  let stop: (() => Promise<void>) | undefined;
  const cluster = (): TestCluster => {
    if (opened === undefined) throw new Error("the cluster is open within tests only");
    return opened;
  };
  before(async () => {
    opened = await openCluster();
    stop = await start?.(opened);
  });
  after(async () => {
    await stop?.();
    await opened?.close();
  });
  return {
    get client() {
      return cluster().client;
    },
    get namespace() {
      return cluster().namespace;
    },
    get operatorConfig() {
      return cluster().operatorConfig;
    },
    get: (type, name) => cluster().get(type, name),
    list: (type) => cluster().list(type),
    create: (type, object) => cluster().create(type, object),
    patch: (type, name, body, subresource) => cluster().patch(type, name, body, subresource),
    remove: (type, name) => cluster().remove(type, name),
  };
}
