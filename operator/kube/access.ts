import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ApiAccess, inClusterAccess, SERVICE_ACCOUNT } from "../../runtime/kube/access.ts";

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
