import type { KinesisSink, WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { type InClusterOptions, inClusterAccess } from "../../runtime/kube/access.ts";
import { serverSideApply } from "../../runtime/kube/apply.ts";
import { createKubeClient, type KubeClient } from "../../runtime/kube/client.ts";
import { objectPath } from "../../runtime/kube/resource-type.ts";
import type { Publish } from "./reporter.ts";

/** The resource that a worker reports to, and the pod it reports as. */
export interface ReportTarget {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly pod: string;
}

const REQUEST_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** A client for the one or two requests that a worker makes; each has a connection of its own, for they are rare. */
export function createReportClient(access: InClusterOptions): KubeClient {
  return createKubeClient(inClusterAccess(access), {
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    keepAlive: false,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
}

/**
 * Server-side-applies the worker's own entry of `status.workers`, the pod's name as field manager. The uid keeps a report
 * from reaching another resource that took the same name.
 */
export function createStatusPublisher(
  client: KubeClient,
  { namespace, name, uid, pod }: ReportTarget,
): Publish<WorkerStatus> {
  const target = { type: KINESIS_SINKS, namespace, name };
  return async (entry, signal) => {
    const report = { metadata: { name, uid }, status: { workers: [entry] } };
    const options = { fieldManager: pod, force: true, subresource: "status", signal } as const;
    const { spec } = await serverSideApply<KinesisSink>(client, target, report, options);
    return { replicas: spec.replicas };
  };
}

/** The inline `awsCredentialPluginParam`, which is kept out of the ConfigMap. Empty when the resource has none. */
export async function inlineCredentials(
  client: KubeClient,
  { namespace, name }: ReportTarget,
  signal: AbortSignal,
): Promise<string> {
  const { spec } = await client.request<KinesisSink>({ path: objectPath(KINESIS_SINKS, namespace, name), signal });
  return spec.config.awsCredentialPluginParam ?? "";
}
