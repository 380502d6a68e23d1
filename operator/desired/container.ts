import type { V1Container, V1EnvVar, V1Probe, V1ResourceRequirements } from "@kubernetes/client-node";
import type { ResourceRequirements, WorkerPod } from "../../crds/kinesissink.generated.ts";
import type { WorkerConfig } from "./config-map.ts";
import { CONFIG_FILE, MOUNT_ROOT, type Mounted, TOKEN_FOLDER } from "./volumes.ts";
import type { WorkerDefaults } from "./worker-defaults.ts";

export const WORKER_CONTAINER = "worker";
export const WORKER_COMMAND: readonly string[] = ["node"];
export const HTTP_PORT = 8080;
/**
 * Node.js' own: a young generation that a worker's messages fit, and a heap that leaves room in the memory limit for what
 * lies outside of it. They are the image's own by now (Dockerfile, NODE_OPTIONS), and given as long as a sink may name an
 * image that has none, 0.1.0.
 */
export const NODE_ARGS: readonly string[] = ["--max-semi-space-size=2", "--max-old-space-size-percentage=30"];
export const WORKER_ARGS: readonly string[] = [
  ...NODE_ARGS,
  "/app/dist/worker/main.js",
  `--config=${CONFIG_FILE}`,
  `--keys=${MOUNT_ROOT}`,
  `--api-credentials=${TOKEN_FOLDER}`,
  `--http-port=${HTTP_PORT}`,
];

export function container(
  pod: WorkerPod,
  defaults: WorkerDefaults,
  config: WorkerConfig,
  mounted: readonly Mounted[],
): V1Container {
  const policy = pod.imagePullPolicy ?? (pod.image ? undefined : defaults.imagePullPolicy);
  return {
    name: WORKER_CONTAINER,
    image: pod.image || defaults.image,
    ...(policy ? { imagePullPolicy: policy } : {}),
    command: [...WORKER_COMMAND],
    args: [...WORKER_ARGS],
    env: environment(pod, config),
    ports: [{ name: "http", containerPort: HTTP_PORT, protocol: "TCP" }],
    resources: pod.resources ? resources(pod.resources) : defaults.resources,
    livenessProbe: probe("/livez", { initialDelaySeconds: 10, periodSeconds: 10, failureThreshold: 6 }),
    readinessProbe: probe("/readyz", { initialDelaySeconds: 1, periodSeconds: 5, failureThreshold: 2 }),
    // A worker that ends at once cannot report; the kubelet then tells its last words in the pod's status.
    terminationMessagePolicy: "FallbackToLogsOnError",
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [...mounted.map(({ mount }) => mount), ...(pod.volumeMounts ?? [])],
  };
}

/** The worker's own variables, and those of the sink: the definition keeps it from setting these. */
function environment(pod: WorkerPod, config: WorkerConfig): V1EnvVar[] {
  const own: V1EnvVar[] = [
    field("POD_NAME", "metadata.name"),
    field("POD_NAMESPACE", "metadata.namespace"),
    field("POD_UID", "metadata.uid"),
    { name: "CONFIG_HASH", value: config.hash },
  ];
  return [...own, ...((pod.env ?? []) as V1EnvVar[])];
}

function field(name: string, fieldPath: string): V1EnvVar {
  return { name, valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } } };
}

function probe(path: string, timing: V1Probe): V1Probe {
  return { httpGet: { path, port: "http" }, timeoutSeconds: 5, ...timing };
}

function resources(given: ResourceRequirements): V1ResourceRequirements {
  const quantities = (list: Record<string, number | string> | undefined) =>
    Object.fromEntries(Object.entries(list ?? {}).map(([name, quantity]) => [name, String(quantity)]));
  return { requests: quantities(given.requests), limits: quantities(given.limits) };
}
