import type { V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import type { KinesisSinkSpec } from "../../crds/kinesissink.generated.ts";
import { CONFIG_KEY } from "../../crds/worker-config.ts";
import type { WorkerConfig } from "./config-map.ts";
import type { LiveSink } from "./names.ts";

/** Everything that is mounted for a worker lies below; Secrets and ConfigMaps as `<root>/secrets/<name>/<key>`. */
export const MOUNT_ROOT = "/etc/kinesis-sink";
/** The volume of the worker's configuration. */
const CONFIG_VOLUME = "config";
export const CONFIG_FILE = `${MOUNT_ROOT}/config/${CONFIG_KEY}`;
/** Folder of the pod's API credentials: token, ca.crt, namespace. */
export const TOKEN_FOLDER = "/var/run/secrets/kinesis-sink/token-dir";

/** The API server's least is 600 s; the kubelet renews a token at 80 % of its life. */
const TOKEN_SECONDS = 3607;
/** Certificates and keys for pulsar-client are all that is written there; without a limit a pod could fill its node's disk. */
const TMP_SIZE = "16Mi";
/** Readable by the pod's group, which fsGroup sets. */
const GROUP_READ = 0o440;

export interface Mounted {
  readonly volume: V1Volume;
  readonly mount: V1VolumeMount;
}

/**
 * The volumes of a worker. Secrets and certificate authorities are whole folders, so that they follow a rotation, and
 * optional, so that a worker starts and can name what is missing.
 */
export function volumes({ spec }: LiveSink, config: WorkerConfig): Mounted[] {
  return [
    mounted({ name: CONFIG_VOLUME, configMap: { name: config.name } }, `${MOUNT_ROOT}/config`),
    mounted({ name: "token", projected: { sources: tokenSources(), defaultMode: GROUP_READ } }, TOKEN_FOLDER),
    { volume: { name: "tmp", emptyDir: { sizeLimit: TMP_SIZE } }, mount: { name: "tmp", mountPath: "/tmp" } },
    ...secretNames(spec).map((secretName, index) =>
      mounted(
        { name: `secret-${index}`, secret: { secretName, optional: true, defaultMode: GROUP_READ } },
        `${MOUNT_ROOT}/secrets/${secretName}`,
      ),
    ),
    ...configMapNames(spec).map((name, index) =>
      mounted({ name: `configmap-${index}`, configMap: { name, optional: true } }, `${MOUNT_ROOT}/configmaps/${name}`),
    ),
  ];
}

/** Names of the Secrets that the spec refers to, each once, in order. */
export function secretNames(spec: KinesisSinkSpec): string[] {
  const { auth, tls, encryption } = spec.pulsar;
  return names([
    spec.secrets?.awsCredentialPluginParam?.name,
    auth?.token?.name,
    auth?.oauth2?.credentials.name,
    auth?.tls?.name,
    auth?.basic?.name,
    tls?.ca?.secret?.name,
    spec.aws?.ca?.secret?.name,
    encryption?.privateKeys.name,
  ]);
}

export function configMapNames(spec: KinesisSinkSpec): string[] {
  return names([spec.pulsar.tls?.ca?.configMap?.name, spec.aws?.ca?.configMap?.name]);
}

function names(given: readonly (string | undefined)[]): string[] {
  return [...new Set(given.filter((name) => name !== undefined))].sort();
}

function mounted(volume: V1Volume, mountPath: string): Mounted {
  return { volume, mount: { name: volume.name, mountPath, readOnly: true } };
}

function tokenSources() {
  return [
    { serviceAccountToken: { path: "token", expirationSeconds: TOKEN_SECONDS } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    {
      downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] },
    },
  ];
}

/** What is read of a pod's specification, wherever it stands. */
export interface VolumeHolder {
  readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name?: string } }[];
}

/** Name of the ConfigMap that a worker's pod has its configuration from. */
export function mountedConfig(pod: VolumeHolder | undefined): string | undefined {
  return pod?.volumes?.find(({ name }) => name === CONFIG_VOLUME)?.configMap?.name;
}
