import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import { isIPv6 } from "node:net";
import { join } from "node:path";

/** Where the API server is and how to authenticate to it; client-node's KubeConfig is one. */
export interface ApiAccess {
  getCurrentCluster(): { readonly server: string; readonly proxyUrl?: string } | null;
  /** Adds credentials and certificate authorities to the options of a request. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT of the pod. */
  readonly host: string;
  readonly port: string;
  /** Folder with `token` and `ca.crt`. */
  readonly folder?: string;
}

/**
 * The access of a pod by its service account. Both files are read for every request, for the kubelet renews them; they lie in
 * memory. client-node would do as well, but to import it costs 87 MB and most of the start-up time.
 */
export function inClusterAccess({ host, port, folder = SERVICE_ACCOUNT }: InClusterOptions): ApiAccess {
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return {
    getCurrentCluster: () => ({ server }),
    applyToHTTPSOptions: async (options) => {
      const [token, ca] = await Promise.all([
        readFile(join(folder, "token"), "utf8"),
        readFile(join(folder, "ca.crt")),
      ]);
      options.ca = ca;
      options.headers = { ...options.headers, authorization: `Bearer ${token.trim()}` };
    },
  };
}

/** Access by the kubeconfig that `kubectl` would use, for an operator that runs outside the cluster. */
export async function kubeConfigAccess(): Promise<ApiAccess> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromDefault();
  return config as ApiAccess;
}

/** A kubeconfig that was asked for goes first; else a pod's own account. */
export async function defaultAccess(environment: Readonly<Record<string, string | undefined>>): Promise<ApiAccess> {
  const { KUBECONFIG: asked, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = environment;
  if (!asked && host && existsSync(join(SERVICE_ACCOUNT, "token"))) return inClusterAccess({ host, port });
  return await kubeConfigAccess();
}
