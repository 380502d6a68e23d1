import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { loadAll } from "js-yaml";
import { helmProgram } from "../env/kubernetes/binaries.ts";

export const CHART = join(import.meta.dirname, "../../charts/kinesis-sink-operator");

/** A rendered object, as far as these tests read it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export type Values = Readonly<Record<string, unknown>>;

export interface HelmResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs helm, which is built on the first call. Resolves with any exit code; rejects when it cannot be run. */
export async function runHelm(args: readonly string[]): Promise<HelmResult> {
  const helm = await helmProgram((line) => process.stderr.write(`${line}\n`));
  try {
    const { stdout, stderr } = await promisify(execFile)(helm, args, { maxBuffer: 2 ** 26, timeout: 120_000 });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (typeof code !== "number") throw error;
    return { code, stdout, stderr };
  }
}

/** Runs a helm command on the chart with the values given as a file, the way users give them. */
export async function withValues(values: Values, args: readonly string[]): Promise<HelmResult> {
  const directory = await mkdtemp(join(tmpdir(), "chart-values-"));
  try {
    const file = join(directory, "values.json");
    await writeFile(file, JSON.stringify(values));
    return await runHelm([...args, "--values", file]);
  } finally {
    await rm(directory, { recursive: true });
  }
}

export function template(values: Values): Promise<HelmResult> {
  return withValues(values, ["template", "sinks", CHART, "--namespace", "kinesis", "--kube-version", "1.30.0"]);
}

/** The chart's objects for a release `sinks` in namespace `kinesis`. Throws what helm says when it refuses. */
export async function render(values: Values = {}): Promise<Manifest[]> {
  const { code, stdout, stderr } = await template(values);
  if (code !== 0) throw new Error(stderr);
  return (loadAll(stdout) as (Manifest | null)[]).filter((manifest) => manifest !== null);
}

/** The one object of a kind (and name). Throws when there is not exactly one. */
export function only(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name),
  );
  const [manifest] = found;
  if (manifest === undefined || found.length > 1)
    throw new Error(`${found.length} objects of kind ${kind} ${name ?? ""}`);
  return manifest;
}

/** Everything that a chart's values can switch on. */
export const EVERYTHING: Values = {
  image: { repository: "registry.example/operator", digest: `sha256:${"a".repeat(64)}`, pullPolicy: "Always" },
  workerImage: {
    repository: "registry.example/worker",
    tag: "2.0.0",
    pullPolicy: "Always",
    pullSecrets: ["registry-a", "registry-b"],
  },
  workerResources: { requests: { cpu: "1" } },
  workerPod: {
    labels: { team: "data" },
    annotations: { "example.com/note": "all" },
    nodeSelector: { disk: "ssd" },
    tolerations: [{ key: "dedicated", operator: "Exists" }],
    affinity: { nodeAffinity: {} },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
    ],
    priorityClassName: "high",
    runtimeClassName: "gvisor",
    hostAliases: [{ ip: "10.0.0.1", hostnames: ["broker.example.com"] }],
    dnsConfig: { searches: ["pulsar.svc"] },
    env: [{ name: "HTTPS_PROXY", value: "http://proxy.example:3128" }],
    securityContext: { runAsUser: 1000, runAsGroup: null, fsGroup: null },
  },
  workerPodDisruptionBudget: { enabled: true, maxUnavailable: "25%" },
  workerNetworkPolicy: { enabled: true, from: [{ podSelector: {} }], egress: [{ ports: [{ port: 443 }] }] },
  imagePullSecrets: [{ name: "registry" }],
  replicas: 3,
  logLevel: "debug",
  maxConcurrentReconciles: 8,
  watchNamespaces: ["orders", "payments"],
  operatorClass: "blue",
  pause: { all: true, namespaces: ["orders"] },
  serviceAccount: { name: "operator", annotations: { "example.com/owner": "data" } },
  podAnnotations: { "example.com/a": "1" },
  podLabels: { "example.com/b": "2" },
  extraEnv: [{ name: "HTTPS_PROXY", value: "http://proxy.example:3128" }],
  guardRails: {
    actions: ["Warn", "Audit"],
    exemptNamespaces: ["playground"],
    images: { restrict: true, registries: ["registry.example"] },
    serviceAccounts: { restrict: true, names: ["sinks-*"], annotations: { "example.com/role": ["a/*"] } },
    forbidInlineCredentials: true,
    forbidInsecure: true,
  },
  terminationGracePeriodSeconds: 60,
  priorityClassName: "system-cluster-critical",
  nodeSelector: { "kubernetes.io/os": "linux" },
  tolerations: [{ key: "dedicated", operator: "Exists" }],
  affinity: { nodeAffinity: {} },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
  ],
  podDisruptionBudget: { maxUnavailable: "50%" },
  metrics: {
    serviceMonitor: { enabled: true, labels: { release: "prometheus" } },
    podMonitor: { enabled: true, labels: { release: "prometheus" } },
    prometheusRule: { enabled: true, labels: { release: "prometheus" } },
    dashboard: { enabled: true },
  },
  networkPolicy: { enabled: true, from: [{ namespaceSelector: { matchLabels: { team: "monitoring" } } }] },
};
