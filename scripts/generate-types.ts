import { compile } from "json-schema-to-typescript";
import { closeSchema, type StructuralSchema } from "../crds/json-schema.ts";

/** Names of the interfaces, by the path of the schema they come from (`[]` is an item of a list). */
const typeNames: Readonly<Record<string, string>> = {
  spec: "KinesisSinkSpec",
  "spec.config": "KinesisSinkConfig",
  "spec.config.messageFormat": "MessageFormat",
  "spec.secrets": "KinesisSinkSecrets",
  "spec.secrets.awsCredentialPluginParam": "SecretKeyReference",
  "spec.keyless": "Keyless",
  "spec.pulsar": "PulsarSource",
  "spec.pulsar.client": "PulsarClientChoice",
  "spec.pulsar.subscription": "PulsarSubscription",
  "spec.pulsar.auth": "PulsarAuth",
  "spec.pulsar.auth.token": "TokenAuth",
  "spec.pulsar.auth.oauth2": "OAuth2Auth",
  "spec.pulsar.auth.oauth2.credentials": "OAuth2CredentialsReference",
  "spec.pulsar.auth.tls": "ClientCertificateAuth",
  "spec.pulsar.auth.basic": "BasicAuth",
  "spec.pulsar.tls": "PulsarTls",
  "spec.pulsar.tls.ca": "CertificateAuthorities",
  "spec.pulsar.tls.ca.secret": "CaSecretReference",
  "spec.pulsar.tls.ca.configMap": "CaConfigMapReference",
  "spec.pulsar.encryption": "PulsarEncryption",
  "spec.pulsar.encryption.privateKeys": "PrivateKeysReference",
  "spec.deadLetter": "DeadLetter",
  "spec.logLevel": "LogLevel",
  "spec.serviceAccount": "WorkerServiceAccount",
  "spec.pod": "WorkerPod",
  "spec.pod.resources": "ResourceRequirements",
  "spec.pod.affinity": "Affinity",
  "spec.pod.affinity.nodeAffinity": "NodeAffinity",
  "spec.pod.affinity.podAffinity": "PodAffinity",
  "spec.pod.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[].preference": "NodeSelectorTerm",
  "spec.pod.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm": "PodAffinityTerm",
  "spec.pod.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm.labelSelector":
    "LabelSelector",
  "spec.pod.tolerations[]": "Toleration",
  "spec.pod.topologySpreadConstraints[]": "TopologySpreadConstraint",
  "spec.pod.hostAliases[]": "HostAlias",
  "spec.pod.dnsConfig": "DnsConfig",
  "spec.pod.volumes[]": "Volume",
  "spec.pod.volumeMounts[]": "VolumeMount",
  "spec.pod.env[]": "EnvVar",
  "spec.pod.imagePullSecrets[]": "LocalObjectReference",
  status: "KinesisSinkStatus",
  "status.conditions[]": "Condition",
  "status.operator": "StatusOperator",
  "status.totals": "Totals",
  "status.pendingChange": "PendingChange",
  "status.workers[]": "WorkerStatus",
  "status.workers[].source": "SourceStatus",
  "status.workers[].stream": "StreamStatus",
  "status.workers[].throttled": "ThrottledStatus",
  "status.workers[].poison": "PoisonStatus",
};

/** Types of fields whose values the definition leaves open, from crds/status-values.ts and for what needs no name. */
const valueTypes: Readonly<Record<string, string>> = {
  "status.conditions[].type": "ConditionType",
  "status.conditions[].status": "ConditionStatus",
  "status.workers[].state": "WorkerState",
  "status.workers[].client": '"Wire" | "Native"',
};

type NamedSchema = StructuralSchema & { title?: string; tsType?: string };

/** Gives each part its name and makes fields with a default required: whoever reads a KinesisSink sees the defaults. */
function nameParts(schema: NamedSchema, path: string, seen: Set<NamedSchema>): void {
  if (seen.has(schema)) return;
  seen.add(schema);
  const title = typeNames[path];
  if (title !== undefined) schema.title = title;
  const valueType = valueTypes[path];
  if (valueType !== undefined) schema.tsType = valueType;
  // The status keeps what a newer version writes; this one reads and writes what it knows.
  if (path.startsWith("status") && schema.additionalProperties === true) schema.additionalProperties = false;
  const properties = Object.entries(schema.properties ?? {});
  const defaulted = properties.filter(([, part]) => part.default !== undefined).map(([name]) => name);
  if (properties.length > 0) schema.required = [...new Set([...(schema.required ?? []), ...defaulted])];
  for (const [name, part] of properties) nameParts(part, path === "" ? name : `${path}.${name}`, seen);
  if (schema.items !== undefined) nameParts(schema.items, `${path}[]`, seen);
  if (typeof schema.additionalProperties === "object") nameParts(schema.additionalProperties, `${path}{}`, seen);
}

const listType = `/** Answer to a list request, one page of it. */
export interface KinesisSinkList {
  apiVersion: "pulsar-kinesis.io/v1alpha1";
  kind: "KinesisSinkList";
  metadata: {
    resourceVersion?: string;
    /** Token of the next page; empty or absent on the last one. */
    continue?: string;
    remainingItemCount?: number;
  };
  items: KinesisSink[];
}
`;

/** TypeScript source of the types of a KinesisSink as it is read: defaults applied. */
export async function generateTypes(openApiSchema: StructuralSchema, banner: string): Promise<string> {
  const root: NamedSchema = closeSchema(openApiSchema);
  nameParts(root, "", new Set());
  root.title = "KinesisSink";
  const metadata: NamedSchema = { description: "Kubernetes' own part of the resource.", tsType: "ObjectMeta" };
  const apiVersion: NamedSchema = { tsType: '"pulsar-kinesis.io/v1alpha1"' };
  const kind: NamedSchema = { tsType: '"KinesisSink"' };
  root.properties = { ...root.properties, apiVersion, kind, metadata };
  root.required = [...(root.required ?? []), "apiVersion", "kind", "metadata"];
  const types = await compile(root as Parameters<typeof compile>[0], "KinesisSink", {
    bannerComment: `// ${banner}\nimport type { ObjectMeta } from "./metadata.ts";\nimport type { ConditionStatus, ConditionType, WorkerState } from "./status-values.ts";`,
    ignoreMinAndMaxItems: true,
    unknownAny: true,
    style: { printWidth: 120 },
  });
  return `${types}\n${listType}`;
}
