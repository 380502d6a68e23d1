import type { V1Container, V1JobSpec, V1PodSpec, V1Volume } from "@kubernetes/client-node";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { CONFIG_KEY } from "../../crds/worker-config.ts";
import { jsonHash } from "../../runtime/json-hash.ts";
import { deployment } from "../desired/deployment.ts";
import { childName, type LiveSink, SINK_LABEL } from "../desired/names.ts";
import type { WorkerDefaults } from "../desired/worker-defaults.ts";
import type { KubeObject } from "../kube/objects.ts";
import { PROGRAM } from "../program.ts";

export interface JobObject extends KubeObject {
  spec: V1JobSpec;
  status?: { conditions?: readonly { type: string; status: string; reason?: string; message?: string }[] };
}

/** Of the sink that a Job is for: it has no owner, and a sink's name comes back. */
export const SINK_UID_ANNOTATION = "pulsar-kinesis.io/sink-uid";
/** Of the Job's pod: what a worker would read of the sink's ConfigMap. */
export const CONFIG_ANNOTATION = "pulsar-kinesis.io/sink";

/** The worker gives up before, and says why; then a pod more is tried, for it may have been its node. */
const DEADLINE_SECONDS = 600;
const MORE_PODS = 1;
/** For whoever wants to read its log. */
const KEPT_SECONDS = 600;
/** What a worker has beside and the Job does not: it reports to nobody. */
const WORKER_ARGUMENTS = /^--(api-credentials|http-port)=/;
const WORKER_VARIABLES: ReadonlySet<string> = new Set(["POD_NAME", "POD_NAMESPACE", "POD_UID", "CONFIG_HASH"]);

/** One name for each life of a sink's name. At most 63 characters, as those of its pods and labels. */
export function jobName(sink: LiveSink): string {
  return `${childName(sink)}-${jsonHash(sink.metadata.uid).slice(0, 8)}`;
}

/**
 * The Job that deletes the sink's subscription, in the workers' image and with what they have of Secrets. Nothing owns it, for
 * foreground deletion removes what the sink owns while the sink waits for the Job; so it also names no ConfigMap and no account
 * of the sink, and holds its configuration itself. It has no credentials for the API server.
 */
export function cleanupJob(sink: LiveSink, defaults: WorkerDefaults): JobObject {
  const { namespace, uid } = sink.metadata;
  const { metadata, spec } = deployment(sink, defaults).spec.template;
  const labels = {
    ...sink.spec.pod.labels,
    "app.kubernetes.io/name": "kinesis-sink-cleanup",
    "app.kubernetes.io/instance": childName(sink),
    "app.kubernetes.io/component": "cleanup",
    "app.kubernetes.io/managed-by": PROGRAM,
    [SINK_LABEL]: metadata?.labels?.[SINK_LABEL] ?? sink.metadata.name,
  };
  const annotations = { ...sink.spec.pod.annotations, [CONFIG_ANNOTATION]: configuration(sink) };
  return {
    metadata: { name: jobName(sink), namespace, labels, annotations: { [SINK_UID_ANNOTATION]: uid } },
    spec: {
      backoffLimit: MORE_PODS,
      activeDeadlineSeconds: DEADLINE_SECONDS,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: { metadata: { labels, annotations }, spec: podSpec(sink, spec as V1PodSpec) },
    },
  };
}

/** What is needed to find the topics; the rest of a spec may be larger than an annotation. */
function configuration({ metadata: { name, namespace, uid, generation }, spec }: LiveSink): string {
  const { awsKinesisStreamName, awsRegion, awsEndpoint } = spec.config;
  const { pulsar, deadLetter, logLevel } = spec;
  return JSON.stringify({
    apiVersion: KINESIS_SINKS.apiVersion,
    kind: KINESIS_SINKS.kind,
    metadata: { name, namespace, uid, generation },
    spec: { config: { awsKinesisStreamName, awsRegion, awsEndpoint }, pulsar, deadLetter, logLevel },
  });
}

function podSpec({ spec: { serviceAccount } }: LiveSink, worker: V1PodSpec): V1PodSpec {
  const { serviceAccountName: _own, topologySpreadConstraints: _spread, ...pod } = worker;
  const config: V1Volume = {
    name: "config",
    downwardAPI: {
      items: [{ path: CONFIG_KEY, fieldRef: { fieldPath: `metadata.annotations['${CONFIG_ANNOTATION}']` } }],
    },
  };
  const others = (pod.volumes ?? []).filter(({ name }) => name !== "config" && name !== "token");
  return {
    ...pod,
    // An account that somebody else made outlives the sink, and may hold what pulls the image.
    ...(serviceAccount?.name ? { serviceAccountName: serviceAccount.name } : {}),
    restartPolicy: "Never",
    containers: pod.containers.map(container),
    volumes: [config, ...others],
  };
}

function container(worker: V1Container): V1Container {
  const { ports: _ports, livenessProbe: _live, readinessProbe: _ready, ...rest } = worker;
  return {
    ...rest,
    name: "cleanup",
    args: [...(worker.args ?? []).filter((argument) => !WORKER_ARGUMENTS.test(argument)), "--unsubscribe"],
    env: (worker.env ?? []).filter(({ name }) => !WORKER_VARIABLES.has(name)),
    volumeMounts: (worker.volumeMounts ?? []).filter(({ name }) => name !== "token"),
  };
}
