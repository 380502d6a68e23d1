import assert from "node:assert/strict";
import { DEPLOYMENTS, type KubeObject, type ObjectMeta, PODS } from "../../../operator/kube/objects.ts";
import type { KubeClient } from "../../../runtime/kube/client.ts";
import { isNotFound } from "../../../runtime/kube/errors.ts";
import { collectionPath, objectPath } from "../../../runtime/kube/resource-type.ts";
import { eventually } from "./cluster.ts";

const INSTALLED = "app.kubernetes.io/name=kinesis-sink-operator,app.kubernetes.io/component=operator";

async function end(client: KubeClient, { namespace = "", name }: ObjectMeta): Promise<void> {
  const path = objectPath(PODS, namespace, name);
  await client.request({ method: "DELETE", path, query: { gracePeriodSeconds: 1 } }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

interface Deployment extends KubeObject {
  readonly spec: { readonly replicas: number };
}

/**
 * Stops operators that are installed on the cluster, for they would serve the tests' sinks as well. Returns what starts them
 * again.
 */
export async function stopOtherOperators(client: KubeClient): Promise<() => Promise<void>> {
  const query = { labelSelector: INSTALLED };
  const list = await client.request<{ items: Deployment[] }>({ path: collectionPath(DEPLOYMENTS), query });
  const running = list.items.filter(({ spec }) => spec.replicas > 0);
  const scale = (deployment: Deployment, replicas: number) =>
    client.request({
      method: "PATCH",
      path: objectPath(DEPLOYMENTS, deployment.metadata.namespace ?? "", deployment.metadata.name),
      contentType: "application/merge-patch+json",
      body: { spec: { replicas } },
    });
  for (const deployment of running) await scale(deployment, 0);
  await eventually("the installed operators have stopped", async () => {
    const { items } = await client.request<{ items: KubeObject[] }>({ path: collectionPath(PODS), query });
    // One that has hardly started does not listen to SIGTERM yet.
    for (const { metadata } of items) await end(client, metadata);
    assert.equal(items.length, 0);
  });
  return async () => {
    for (const deployment of running) await scale(deployment, deployment.spec.replicas);
  };
}
