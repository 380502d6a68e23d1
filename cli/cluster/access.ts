import type { ApiAccess } from "../../runtime/kube/access.ts";
import { createKubeClient, type KubeClient } from "../../runtime/kube/client.ts";
import { program } from "../../runtime/version.ts";
import { UsageError } from "../io.ts";

/** Which cluster, as kubectl's options of the same names. */
export interface ClusterOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
}

export interface Cluster {
  readonly client: KubeClient;
  /** The one that was given, else the context's. */
  readonly namespace: string;
}

const REQUEST_TIMEOUT_MS = 30_000;

/** The cluster that kubectl would talk to, with its credentials. @throws UsageError */
export async function openCluster({ kubeconfig, context, namespace }: ClusterOptions): Promise<Cluster> {
  const config = new (await kubeConfigClass())();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new UsageError(
      `the kubeconfig cannot be read: ${(error as NodeJS.ErrnoException).code ?? "it is malformed"}`,
    );
  }
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(context)) {
      throw new UsageError(`the kubeconfig has no context ${context}: it has ${names.join(", ") || "none"}`);
    }
    config.setCurrentContext(context);
  }
  const ofContext = config.getContextObject(config.getCurrentContext())?.namespace;
  const client = createKubeClient(config as ApiAccess, {
    userAgent: `kinesis-sink/${program.version}`,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    keepAlive: false,
  });
  return { client, namespace: namespace ?? ofContext ?? "default" };
}

/** Loaded here alone: it takes a second and 85 MB, and the other commands do without it. */
async function kubeConfigClass() {
  try {
    return (await import("@kubernetes/client-node")).KubeConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new UsageError(
      "the package @kubernetes/client-node is not installed, which reads a kubeconfig: npm install it",
    );
  }
}
