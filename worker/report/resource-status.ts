import type { KinesisSink, WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { kubernetesClient } from "./kubernetes.ts";
import type { Publish } from "./reporter.ts";

type Api = ReturnType<typeof kubernetesClient>;

/** The resource that a worker reports to, and the pod it reports as. */
export interface ReportTarget {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly pod: string;
}

function resourcePath({ namespace, name }: ReportTarget): string {
  return `/apis/${KINESIS_SINKS.apiVersion}/namespaces/${namespace}/${KINESIS_SINKS.plural}/${name}`;
}

/**
 * Server-side-applies the worker's own entry of `status.workers`, the pod's name as field manager. The uid keeps a report
 * from reaching another resource that took the same name.
 */
export function createStatusPublisher(api: Api, target: ReportTarget): Publish<WorkerStatus> {
  const path = `${resourcePath(target)}/status?fieldManager=${encodeURIComponent(target.pod)}&force=true`;
  return async (entry, signal) => {
    const content = JSON.stringify({
      apiVersion: KINESIS_SINKS.apiVersion,
      kind: KINESIS_SINKS.kind,
      metadata: { name: target.name, uid: target.uid },
      status: { workers: [entry] },
    });
    const answer = await api<KinesisSink>("PATCH", path, { type: "application/apply-patch+yaml", content }, signal);
    return { replicas: answer.spec.replicas };
  };
}

/** The inline `awsCredentialPluginParam`, which is kept out of the ConfigMap. Empty when the resource has none. */
export async function inlineCredentials(api: Api, target: ReportTarget, signal: AbortSignal): Promise<string> {
  const { spec } = await api<KinesisSink>("GET", resourcePath(target), null, signal);
  return spec.config.awsCredentialPluginParam ?? "";
}
