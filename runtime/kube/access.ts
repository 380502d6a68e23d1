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

/** Where the kubelet mounts a pod's own account. */
export const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT of the pod. */
  readonly host: string;
  readonly port: string;
  /** Folder with `token` and `ca.crt`; default {@link SERVICE_ACCOUNT}. */
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
