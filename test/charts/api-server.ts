import { setTimeout as delay } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node";
import type { ApiAccess } from "../../runtime/kube/access.ts";
import { type ApiRequest, createKubeClient, type KubeClient } from "../../runtime/kube/client.ts";
import { ApiError } from "../../runtime/kube/errors.ts";

const DELETION_MS = 180_000;
const OPTIONS = { userAgent: "chart-tests", requestTimeoutMs: 30_000 };

/** Why the tests on an API server cannot run, or false. */
export const withoutApiServer: string | false =
  process.env["KUBECONFIG"] === undefined ? "KUBECONFIG names no API server" : false;

/** Clients of the API server that KUBECONFIG names. */
export interface ApiServer {
  readonly admin: KubeClient;
  /** A client that shows this bearer token and nothing else. */
  as(token: string): KubeClient;
  close(): void;
}

export function connect(): ApiServer {
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error("KUBECONFIG names no cluster");
  const clients: KubeClient[] = [];
  const client = (kubeConfig: KubeConfig): KubeClient => {
    const made = createKubeClient(kubeConfig as ApiAccess, OPTIONS);
    clients.push(made);
    return made;
  };
  return {
    admin: client(config),
    as: (token) => {
      const own = new KubeConfig();
      own.loadFromClusterAndUser(cluster, { name: "token", token });
      return client(own);
    },
    close: () => {
      for (const made of clients) made.close();
    },
  };
}

/** Resolves with the answer's status and message, whatever they are. */
export async function outcome(client: KubeClient, request: ApiRequest): Promise<{ status: number; message: string }> {
  try {
    await client.request(request);
    return { status: 200, message: "" };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { status: error.status, message: error.message };
  }
}

/** Deletes what may or may not be there, and waits until it is gone. */
export async function remove(client: KubeClient, path: string): Promise<void> {
  const deadline = Date.now() + DELETION_MS;
  for (;;) {
    const { status, message } = await outcome(client, { method: "DELETE", path });
    if (status === 404) return;
    if (Date.now() > deadline) throw new Error(`${path} is still there after 3 minutes: ${message}`);
    await delay(250);
  }
}

/** Throws when an operator runs on the cluster: it would change the sinks of a test that plays its part. */
export async function refuseRunningOperator(client: KubeClient): Promise<void> {
  const query = { labelSelector: "app.kubernetes.io/part-of=pulsar-kinesis-operator" };
  const { items } = await client.request<{ items: { metadata: { namespace: string; name: string } }[] }>({
    path: "/api/v1/pods",
    query,
  });
  const [pod] = items;
  if (pod === undefined) return;
  throw new Error(
    `an operator runs on this cluster (pod ${pod.metadata.name} in ${pod.metadata.namespace}): uninstall it`,
  );
}
