import type { KinesisSinkSpec } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
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
    spec: withoutCredentials(sink.spec),
  };
  return { metadata: childMetadata(sink), data: { [CONFIG_KEY]: `${JSON.stringify(manifest, null, 2)}\n` } };
}

/**
 * Hash of what a worker reads of the spec when it starts, and never again. What only shapes the Deployment is left out, so
 * that scaling, pausing or another node selector does not restart a worker for its configuration; and so is what comes with the
 * answer to each report, and what is done once the sink is deleted. An inline credential counts: workers must start anew.
 */
export function configHash(sink: LiveSink): string {
  const { replicas: _replicas, paused: _paused, autoscaling: _autoscaling, logLevel: _level, ...started } = sink.spec;
  const { pod: _pod, serviceAccount: _account, ...read } = started;
  // As it was hashed when it shaped nothing: another hash would restart every worker once.
  return jsonHash({ ...read, cleanupSubscription: false });
}

function withoutCredentials(spec: KinesisSinkSpec): KinesisSinkSpec {
  const { awsCredentialPluginParam: _param, ...config } = spec.config;
  return { ...spec, config };
}
