import { goodManifest, type Json, mergePatch } from "../good-manifest.ts";
import { badCredentialManifests } from "./bad-credential-manifests.ts";
import { badFormManifests } from "./bad-form-manifests.ts";
import { type BadManifest, config } from "./bad-manifest.ts";
import { badSourceManifests } from "./bad-source-manifests.ts";
import { badStreamManifests } from "./bad-stream-manifests.ts";

const unknownFields: readonly BadManifest[] = [
  {
    name: "a misspelt property",
    patch: config({ awsRegon: "us-west-2" }),
    field: "spec.config.awsRegon",
    message: "did you mean awsRegion?",
    server: ['unknown field "spec.config.awsRegon"'],
    strictOnly: true,
  },
  {
    name: "a property of the connector outside spec.config",
    patch: { spec: { awsEndpoint: "kinesis.example.com" } },
    field: "spec.awsEndpoint",
    message: "did you mean spec.config.awsEndpoint?",
    server: ['unknown field "spec.awsEndpoint"'],
    strictOnly: true,
  },
  {
    name: "an unknown field of a Secret's reference",
    patch: { spec: { secrets: { awsCredentialPluginParam: { namespace: "other" } } } },
    field: "spec.secrets.awsCredentialPluginParam.namespace",
    message: "remove it, or use one of name, key",
    server: ['unknown field "spec.secrets.awsCredentialPluginParam.namespace"'],
    strictOnly: true,
  },
];

const autoscaling = (given: Json): Json => ({ spec: { autoscaling: given } });

const badAutoscaling: readonly BadManifest[] = [
  {
    name: "autoscaling without a target",
    patch: autoscaling({ maxReplicas: 4 }),
    field: "spec.autoscaling.targetLagSeconds",
    message: "nothing to scale by: give targetLagSeconds, targetBacklogMessages or both",
  },
  {
    name: "autoscaling from more replicas to fewer",
    patch: autoscaling({ minReplicas: 5, maxReplicas: 4, targetLagSeconds: 60 }),
    field: "spec.autoscaling.minReplicas",
    message: "must not exceed maxReplicas",
  },
  {
    name: "autoscaling by a backlog that nobody can ask for",
    patch: autoscaling({ maxReplicas: 4, targetBacklogMessages: 1000 }),
    field: "spec.autoscaling.targetBacklogMessages",
    message: "needs spec.pulsar.adminUrl",
  },
  {
    name: "autoscaling to nothing",
    patch: autoscaling({ minReplicas: 0, maxReplicas: 4, targetLagSeconds: 60 }),
    field: "spec.autoscaling.minReplicas",
    message: "must be between 1 and 100",
    server: ["spec.autoscaling.minReplicas", "should be greater than or equal to 1"],
  },
];

const rest: readonly BadManifest[] = [
  {
    name: "a name that is too long for labels",
    patch: { metadata: { name: "orders-of-all-european-shops-to-the-lake-01" } },
    field: "metadata.name",
    message: "must be at most 40 characters",
  },
  {
    name: "a version that does not exist",
    patch: { apiVersion: "pulsar-kinesis.io/v1" },
    field: "apiVersion",
    message: "must be pulsar-kinesis.io/v1alpha1",
    server: ['no matches for kind "KinesisSink" in version "pulsar-kinesis.io/v1"'],
  },
  {
    name: "no spec",
    patch: { spec: null },
    field: "spec",
    message: "is required: what to move, from where, to where, and how",
    server: ["spec: Required value"],
  },
  {
    name: "dead letters into a topic that is read",
    patch: {
      spec: { pulsar: { topics: ["orders", "clicks"] }, deadLetter: { topic: "persistent://public/default/clicks" } },
    },
    field: "spec.deadLetter.topic",
    message: "dead letters would come back for ever",
  },
  {
    name: "dead letters into a non-persistent topic",
    patch: { spec: { deadLetter: { topic: "non-persistent://public/default/dead" } } },
    field: "spec.deadLetter.topic",
    message: "must be persistent://tenant/namespace/topic",
  },
  {
    name: "an order for keyless messages that are spread",
    patch: { spec: { keyless: "Spread", config: { retainOrdering: true } } },
    field: "spec.keyless",
    message: "keyless: Spread gives up the order",
  },
  {
    name: "more replicas than one sink may have",
    patch: { spec: { replicas: 101 } },
    field: "spec.replicas",
    message: "must be between 0 and 100",
    server: ["spec.replicas", "should be less than or equal to 100"],
  },
  {
    name: "an unknown log level",
    patch: { spec: { logLevel: "trace" } },
    field: "spec.logLevel",
    message: "must be one of error, warn, info, debug",
    server: ["spec.logLevel: Unsupported value"],
  },
  {
    name: "annotations on somebody else's service account",
    patch: { spec: { serviceAccount: { name: "mine", annotations: { "example.com/a": "b" } } } },
    field: "spec.serviceAccount.annotations",
    message: "annotate the named account yourself",
  },
  {
    name: "a pod label that is the operator's own",
    patch: { spec: { pod: { labels: { "app.kubernetes.io/instance": "mine" } } } },
    field: "spec.pod.labels",
    message: "which are the operator's own",
  },
  {
    name: "a variable that is the worker's own",
    patch: { spec: { pod: { env: [{ name: "CONFIG_HASH", value: "mine" }] } } },
    field: "spec.pod.env",
    message: "which are the worker's own",
  },
  {
    name: "a volume that is called as one of the worker's own",
    patch: { spec: { pod: { volumes: [{ name: "secret-0", emptyDir: {} }] } } },
    field: "spec.pod.volumes",
    message: "which are the worker's own",
  },
  ...["/etc/kinesis-sink/secrets/x", "/tmp", "files", "/files/../app"].map((mountPath) => ({
    name: `a volume that is mounted at ${mountPath}`,
    patch: { spec: { pod: { volumeMounts: [{ name: "files", mountPath }] } } },
    field: "spec.pod.volumeMounts",
    message: "give another absolute path",
  })),
  {
    name: "a variable that is the image's own",
    patch: { spec: { pod: { env: [{ name: "NODE_OPTIONS", value: "--max-old-space-size=4096" }] } } },
    field: "spec.pod.env",
    message: "follows from resources.limits.memory",
  },
  {
    name: "a quantity with a unit that is none",
    patch: { spec: { pod: { resources: { limits: { memory: "1 GB" } } } } },
    field: "spec.pod.resources.limits.memory",
    message: "must be a quantity, for example 100m or 512Mi",
    server: ["spec.pod.resources.limits.memory", "should match"],
  },
  {
    name: "a quantity with a fraction as exponent",
    patch: { spec: { pod: { resources: { limits: { cpu: "1e1.5" } } } } },
    field: "spec.pod.resources.limits.cpu",
    message: "must be a quantity, for example 100m or 512Mi",
    server: ["spec.pod.resources.limits.cpu", "should match"],
  },
  {
    name: "a divisor that is no quantity",
    patch: {
      spec: {
        pod: { env: [{ name: "CPUS", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "one" } } }] },
      },
    },
    field: "spec.pod.env[0].valueFrom.resourceFieldRef.divisor",
    message: "must be a quantity, for example 100m or 512Mi",
    server: ["spec.pod.env[0].valueFrom.resourceFieldRef.divisor", "should match"],
  },
  {
    name: "an environment variable twice",
    patch: {
      spec: {
        pod: {
          env: [
            { name: "HTTPS_PROXY", value: "a" },
            { name: "HTTPS_PROXY", value: "b" },
          ],
        },
      },
    },
    field: "spec.pod.env",
    message: "must not have two entries with the same name",
    server: ["spec.pod.env[1]: Duplicate value"],
  },
  {
    name: "no time to stop",
    patch: { spec: { pod: { terminationGracePeriodSeconds: 0 } } },
    field: "spec.pod.terminationGracePeriodSeconds",
    message: "must be between 1 and 3600",
    server: ["spec.pod.terminationGracePeriodSeconds", "should be greater than or equal to 1"],
  },
];

export const badManifests: readonly BadManifest[] = [
  ...unknownFields,
  ...badStreamManifests,
  ...badCredentialManifests,
  ...badSourceManifests,
  ...badFormManifests,
  ...badAutoscaling,
  ...rest,
];

/** The whole manifest, as it would be applied. */
export function badManifest({ patch }: BadManifest): Json {
  return mergePatch(goodManifest, patch);
}

/** What `kubectl apply` must print when it refuses the manifest. */
export function serverWords({ field, message, server }: BadManifest): readonly string[] {
  return server ?? [field, message];
}
