import type { KinesisSink, WorkerStatus } from "../../crds/kinesissink.generated.ts";
import { definitionTooOld } from "../../crds/old-definition.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type InClusterOptions, inClusterAccess } from "../../runtime/kube/access.ts";
import { createKubeClient, type KubeClient } from "../../runtime/kube/client.ts";
import { objectPath } from "../../runtime/kube/resource-type.ts";
import { createStatusApply } from "../../runtime/kube/status-apply.ts";
import { isLogLevel, type Logger, type LogLevel } from "../../runtime/log.ts";
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

export interface PublisherOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with `spec.logLevel` of the resource as each answer shows it. */
  readonly onLogLevel: (level: LogLevel) => void;
  /** Called with `status.workers` as each answer shows it. */
  readonly onWorkers?: (workers: readonly WorkerStatus[]) => void;
}

/**
 * Server-side-applies the worker's own entry of `status.workers`, the pod's name as field manager. The uid keeps a report
 * from reaching another resource that took the same name.
 */
export function createStatusPublisher(
  client: KubeClient,
  { namespace, name, uid, pod }: ReportTarget,
  { clock, log, onLogLevel, onWorkers }: PublisherOptions,
): Publish<WorkerStatus> {
  const target = { type: KINESIS_SINKS, namespace, name };
  const statuses = createStatusApply(clock);
  return async (entry, signal) => {
    const report = { metadata: { name, uid }, status: { workers: [entry] } };
    const options = { fieldManager: pod, force: true, signal };
    const { object, leftOut } = await statuses.apply<KinesisSink>(client, target, report, options);
    if (leftOut.length > 0) log.warn(definitionTooOld(leftOut));
    onWorkers?.(object.status?.workers ?? []);
    const { logLevel, replicas } = object.spec;
    if (isLogLevel(logLevel)) onLogLevel(logLevel);
    return { replicas };
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
