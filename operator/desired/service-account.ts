import type { KubeObject } from "../kube/objects.ts";
import { childMetadata, type LiveSink } from "./names.ts";

/** The workers' own account, or none when the sink names one. Pods mount their token themselves. */
export function serviceAccount(sink: LiveSink): KubeObject | undefined {
  if (sink.spec.serviceAccount?.name) return undefined;
  const annotations = sink.spec.serviceAccount?.annotations;
  const object = {
    metadata: { ...childMetadata(sink), ...(annotations ? { annotations } : {}) },
    automountServiceAccountToken: false,
  };
  return object;
}
