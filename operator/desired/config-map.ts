import { withoutDefaults } from "../../crds/defaults.ts";
import type { KinesisSinkSpec } from "../../crds/kinesissink.generated.ts";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { CONFIG_KEY, CONFIG_VERSION, CONFIG_VERSION_ANNOTATION } from "../../crds/worker-config.ts";
import { jsonHash, sortedJson } from "../../runtime/json-hash.ts";
import type { KubeObject } from "../kube/objects.ts";
import { childMetadata, childName, type LiveSink } from "./names.ts";
import { MAKE_NO_PODS } from "./spec-mark.ts";

export interface ConfigMapObject extends KubeObject {
  data: Record<string, string>;
  immutable: boolean;
}

/**
 * Fields of the spec that are none of a worker's business when it starts: what makes its pod, how many there are, what happens
 * when the sink is deleted, and the log level, which comes with the answer to each report. Another value starts no worker anew.
 */
const NOT_A_WORKERS: readonly string[] = [...MAKE_NO_PODS, "serviceAccount", "pod"];

/** What a worker reads when it starts, and never again. */
export interface WorkerConfig {
  /** Name of its ConfigMap. */
  readonly name: string;
  /** Of all that it says, and of an inline credential: workers must start anew. */
  readonly hash: string;
  readonly manifest: object;
}

export function workerConfig(sink: LiveSink): WorkerConfig {
  const content = sortedJson(manifest(sink)) as object;
  const hash = jsonHash([content, sink.spec.config.awsCredentialPluginParam]);
  return { name: `${childName(sink)}-${hash}`, hash, manifest: content };
}

/** Its name tells its content, so that a pod that starts again finds what it was made for. */
export function configMap(sink: LiveSink, config: WorkerConfig = workerConfig(sink)): ConfigMapObject {
  return {
    metadata: { ...childMetadata(sink), name: config.name },
    immutable: true,
    data: { [CONFIG_KEY]: `${JSON.stringify(config.manifest, null, 2)}\n` },
  };
}

/** What a worker needs of the sink, less what it does anyway, and less credentials. Fields of a newer definition go along. */
function manifest(sink: LiveSink) {
  const { name, namespace, uid } = sink.metadata;
  return {
    apiVersion: KINESIS_SINKS.apiVersion,
    kind: KINESIS_SINKS.kind,
    metadata: { name, namespace, uid, annotations: { [CONFIG_VERSION_ANNOTATION]: String(CONFIG_VERSION) } },
    spec: withoutDefaults(workersPart(sink.spec), "spec"),
  };
}

function workersPart(spec: KinesisSinkSpec): object {
  const { awsCredentialPluginParam: _param, ...config } = spec.config;
  const fields = Object.entries(spec).filter(([name]) => !NOT_A_WORKERS.includes(name));
  // A worker that is stopped must know how much time it has.
  const { terminationGracePeriodSeconds } = spec.pod;
  return { ...Object.fromEntries(fields), config, pod: { terminationGracePeriodSeconds } };
}
