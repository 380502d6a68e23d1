import type { KinesisSinkSpec } from "../kinesissink.generated.ts";
import { autoscalingRules } from "./autoscaling-rules.ts";
import { configRules } from "./config-rules.ts";
import { pulsarRules } from "./pulsar-rules.ts";
import { empty, partRule, type Rule } from "./rule.ts";

function hasCredentialParam({ config, secrets }: KinesisSinkSpec): boolean {
  return !empty(config.awsCredentialPluginParam) || secrets?.awsCredentialPluginParam !== undefined;
}

/** `persistent://public/default/orders` and `orders` are one topic. */
function shortTopicName(name: string): string {
  return name.replaceAll("persistent://", "").replaceAll("public/default/", "");
}

const operatorLabels: readonly string[] = ["name", "instance", "component", "managed-by"].map(
  (part) => `app.kubernetes.io/${part}`,
);

const workerVariables: readonly string[] = ["POD_NAME", "POD_NAMESPACE", "POD_UID", "CONFIG_HASH"];

const workerPaths: readonly string[] = ["/etc/kinesis-sink", "/var/run/secrets/kinesis-sink", "/app", "/tmp"];

function isFreePath(path: string): boolean {
  const own = workerPaths.some((worker) => path === worker || path.startsWith(`${worker}/`));
  return !own && /^\/[^/:]/.test(path) && !path.includes("/..");
}

/** Twins of the rules on the resource, its spec, and the parts that are neither config nor pulsar. */
const sinkRules: readonly Rule[] = [
  {
    id: "NameTooLong",
    at: "",
    message: "metadata.name must be at most 40 characters: labels and names of pods are made from it",
    broken: ({ metadata }) => (metadata.name.length <= 40 ? [] : ["metadata.name"]),
  },
  partRule(
    "CredentialParamTwice",
    "spec",
    "spec.config.awsCredentialPluginParam",
    "awsCredentialPluginParam is given twice: keep spec.secrets.awsCredentialPluginParam and remove it from spec.config",
    ({ config, secrets }) => empty(config.awsCredentialPluginParam) || secrets?.awsCredentialPluginParam === undefined,
  ),
  partRule(
    "CredentialsRequired",
    "spec",
    "spec.config.awsCredentialPluginName",
    'no credentials: without awsCredentialPluginName, name a Secret key that holds {"accessKey":"…","secretKey":"…"} in spec.secrets.awsCredentialPluginParam, or set awsCredentialPluginName to org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin for the pod\'s own identity',
    (spec) => !empty(spec.config.awsCredentialPluginName) || hasCredentialParam(spec),
  ),
  partRule(
    "RoleRequired",
    "spec",
    "spec.config.awsCredentialPluginParam",
    'STSAssumeRoleProviderPlugin needs {"roleArn":"…","roleSessionName":"…"}: name a Secret key that holds it in spec.secrets.awsCredentialPluginParam, or give it in spec.config.awsCredentialPluginParam',
    (spec) =>
      !(spec.config.awsCredentialPluginName ?? "").endsWith(".STSAssumeRoleProviderPlugin") || hasCredentialParam(spec),
  ),
  partRule(
    "SpreadIsUnordered",
    "spec",
    "spec.keyless",
    "keyless: Spread gives up the order of messages without a key: set it to TopicName, or set retainOrdering to false",
    ({ keyless, config }) => !(keyless === "Spread" && config.retainOrdering),
  ),
  partRule(
    "DeadLetterLoop",
    "spec",
    "spec.deadLetter.topic",
    "the dead-letter topic is one of spec.pulsar.topics, so dead letters would come back for ever: choose another topic",
    ({ deadLetter, pulsar: { topics = [] } }) =>
      deadLetter === undefined || !topics.some((name) => shortTopicName(name) === shortTopicName(deadLetter.topic)),
  ),
  partRule(
    "OneAwsCertificateSource",
    "spec.aws.ca",
    "spec.aws.ca",
    "exactly one of secret and configMap must be given",
    ({ aws }) => aws?.ca === undefined || (aws.ca.secret !== undefined) !== (aws.ca.configMap !== undefined),
  ),
  partRule(
    "ForeignServiceAccount",
    "spec.serviceAccount",
    "spec.serviceAccount.annotations",
    "annotations are for the account made for this sink: annotate the named account yourself, or remove name",
    ({ serviceAccount: account = {} }) => empty(account.name) || Object.keys(account.annotations ?? {}).length === 0,
  ),
  partRule(
    "OperatorLabel",
    "spec.pod.labels",
    "spec.pod.labels",
    "may not set pulsar-kinesis.io/… and app.kubernetes.io/name, instance, component and managed-by, which are the operator's own: use other names",
    ({ pod }) =>
      !Object.keys(pod.labels ?? {}).some(
        (name) => name.startsWith("pulsar-kinesis.io/") || operatorLabels.includes(name),
      ),
  ),
  partRule(
    "WorkerVolume",
    "spec.pod.volumes",
    "spec.pod.volumes",
    "may not be called config, token, tmp, secret-… and configmap-…, which are the worker's own: use other names",
    ({ pod }) => !(pod.volumes ?? []).some(({ name }) => /^(config$|token$|tmp$|secret-|configmap-)/.test(name)),
  ),
  partRule(
    "WorkerMount",
    "spec.pod.volumeMounts",
    "spec.pod.volumeMounts",
    "may not be below /etc/kinesis-sink, /var/run/secrets/kinesis-sink, /app and /tmp, which are the worker's own: give another absolute path without '..'",
    ({ pod }) => (pod.volumeMounts ?? []).every(({ mountPath }) => isFreePath(mountPath)),
  ),
  partRule(
    "WorkerVariable",
    "spec.pod.env",
    "spec.pod.env",
    "may not set POD_NAME, POD_NAMESPACE, POD_UID and CONFIG_HASH, which are the worker's own: use other names",
    ({ pod }) => !(pod.env ?? []).some(({ name }) => workerVariables.includes(name)),
  ),
  partRule(
    "ImageVariable",
    "spec.pod.env",
    "spec.pod.env",
    "may not set NODE_OPTIONS, which is the image's own: how much memory a worker takes follows from resources.limits.memory",
    ({ pod }) => !(pod.env ?? []).some(({ name }) => name === "NODE_OPTIONS"),
  ),
];

/** One twin for every CEL rule of kinesissinks.yaml. */
export const rules: readonly Rule[] = [...sinkRules, ...autoscalingRules, ...configRules, ...pulsarRules];
