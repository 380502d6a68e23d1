import type { KinesisSinkConfig, KinesisSinkSpec } from "../../crds/kinesissink.generated.ts";
import { CREDENTIALS_KEY, sinkManifest } from "../load/sink-manifest.ts";
import { createStream, type Stage } from "./stage.ts";

/** A sink with a namespace, a partitioned topic and a stream of its own. */
export interface Scenario {
  readonly stage: Stage;
  readonly namespace: string;
  readonly name: string;
  readonly ordered: boolean;
  readonly topic: string;
  readonly partitions: number;
  readonly stream: string;
  readonly subscription: string;
  /** The manifest; `spec` parts are merged in one level deep. */
  manifest(changes?: SpecChanges): object;
  /** Deletes the namespace, and waits until it is gone if told to: that takes as long as the workers take to end. */
  remove(options?: { wait: boolean }): Promise<void>;
}

export interface SpecChanges {
  readonly config?: Partial<KinesisSinkConfig>;
  readonly pulsar?: Partial<KinesisSinkSpec["pulsar"]>;
  readonly rest?: Partial<Omit<KinesisSinkSpec, "config" | "pulsar">>;
}

export const { name: SECRET, key: SECRET_KEY } = CREDENTIALS_KEY;
export const CREDENTIALS = JSON.stringify({ accessKey: "test-access-key", secretKey: "test-secret-key" });

export function credentialsSecret(
  namespace: string,
  data: Record<string, string> = { [SECRET_KEY]: CREDENTIALS },
): object {
  return { apiVersion: "v1", kind: "Secret", metadata: { name: SECRET, namespace }, stringData: data };
}

/** Creates namespace, topic and stream (unless told not to) and, unless told not to, the Secret. */
export async function createScenario(
  stage: Stage,
  options: {
    name: string;
    ordered: boolean;
    partitions?: number;
    shards?: number;
    withStream?: boolean;
    withSecret?: boolean;
    namespaceLabels?: Record<string, string>;
  },
): Promise<Scenario> {
  const { name, ordered, partitions = 4, shards = 4, withStream = true, withSecret = true } = options;
  const namespace = `${name}-${Math.random().toString(36).slice(2, 8)}`;
  const topic = `persistent://public/default/${namespace}`;
  const stream = namespace;
  await Promise.all([
    stage.kube.apply({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace, labels: options.namespaceLabels ?? {} },
    }),
    stage.pulsar.admin.createPartitionedTopic(topic, partitions),
    withStream ? createStream(stage.kinesisEndpoint, stream, shards) : null,
  ]);
  if (withSecret) await stage.kube.apply(credentialsSecret(namespace));
  return {
    stage,
    namespace,
    name,
    ordered,
    topic,
    partitions,
    stream,
    subscription: `${namespace}.${name}`,
    manifest: (changes = {}) =>
      sinkManifest(
        { name, namespace },
        {
          ...changes.rest,
          config: {
            awsKinesisStreamName: stream,
            awsRegion: "us-east-1",
            awsEndpoint: stage.kinesisEndpoint,
            retainOrdering: ordered,
            ...changes.config,
          },
          pulsar: {
            serviceUrl: stage.pulsar.serviceUrl,
            adminUrl: stage.pulsar.adminUrl,
            topics: [topic],
            ...changes.pulsar,
          },
        },
      ),
    remove: async ({ wait } = { wait: false }) =>
      void (await stage.kube.kubectl(["delete", "namespace", namespace, `--wait=${wait}`, "--timeout=300s"])),
  };
}
