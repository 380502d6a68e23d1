import type { KinesisSinkSpec } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { SUBSCRIBED_FILE, subscriptionName } from "../../crds/subscription.ts";
import { jsonHash } from "../../runtime/json-hash.ts";
import type { KubeObject } from "../kube/objects.ts";
import { childMetadata, type LiveSink } from "./names.ts";

export interface ConfigMapObject extends KubeObject {
  data: Record<string, string>;
}

/** Key of the ConfigMap: the sink's manifest, with defaults and without credentials. */
export const CONFIG_KEY = "sink.json";

export function configMap(sink: LiveSink): ConfigMapObject {
  const { name, namespace, uid, generation } = sink.metadata;
  const manifest = {
    apiVersion: KINESIS_SINKS.apiVersion,
    kind: KINESIS_SINKS.kind,
    metadata: { name, namespace, uid, generation },
    spec: forWorkers(sink.spec),
  };
  const data = { [CONFIG_KEY]: `${JSON.stringify(manifest, null, 2)}\n` };
  return { metadata: childMetadata(sink), data: hasSubscribed(sink) ? { ...data, [SUBSCRIBED_FILE]: "\n" } : data };
}

/** Hash of what is subscribed to: the cluster, the subscription and the topics. */
export function sourceHash(sink: LiveSink): string {
  const { serviceUrl, topics = [], topicsPattern = "" } = sink.spec.pulsar;
  return jsonHash([serviceUrl, subscriptionName(sink), [...topics].sort(), topicsPattern]);
}

/** Read when a worker starts. It is no part of the hash that restarts workers: who runs knows it by itself. */
function hasSubscribed(sink: LiveSink): boolean {
  return sink.spec.pulsar.subscription.initialPosition === "Latest" && sink.status?.subscribed === sourceHash(sink);
}

/**
 * Hash of what a worker reads of the spec when it starts, and never again. What only shapes the Deployment is left out, so
 * that scaling, pausing or another node selector does not restart a worker for its configuration; and so is the log level,
 * which comes with the answer to each report. An inline credential counts: workers must start anew.
 */
export function configHash(sink: LiveSink): string {
  const { class: _class, replicas: _replicas, paused: _paused, logLevel: _level, ...started } = sink.spec;
  const { pod: _pod, serviceAccount: _account, ...read } = started;
  return jsonHash(read);
}

/** Without credentials, and without what is the operators' alone. */
function forWorkers({ class: _class, ...spec }: KinesisSinkSpec): KinesisSinkSpec {
  const { awsCredentialPluginParam: _param, ...config } = spec.config;
  return { ...spec, config };
}
