import type { V1ResourceRequirements } from "@kubernetes/client-node";
import { DEFAULT_CLASS } from "../crds/operator-class.ts";
import { isQuantity, quantityMessage } from "../crds/validation/quantity.ts";
import type { LogLevel } from "../runtime/log.ts";
import type { WorkerDefaults } from "./desired/worker-defaults.ts";
import { PROGRAM } from "./program.ts";
import type { LabelSelector, RolloutPolicy } from "./rollout/policy.ts";
import { readFleetPod } from "./worker-pod.ts";

export interface LeaderElectionConfig {
  readonly enabled: boolean;
  readonly leaseName: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

export interface OperatorConfig {
  readonly podName: string;
  readonly podNamespace: string;
  /** Namespaces whose KinesisSinks are served; empty means all. */
  readonly watchNamespaces: readonly string[];
  /** Sinks of other classes are left alone. */
  readonly operatorClass: string;
  /** What is paused whatever the sinks say. */
  readonly pause: { readonly all: boolean; readonly namespaces: readonly string[] };
  readonly worker: WorkerDefaults;
  readonly rollout: RolloutPolicy;
  readonly logLevel: LogLevel;
  /** Health and metrics. */
  readonly httpPort: number;
  readonly concurrency: number;
  readonly leaderElection: LeaderElectionConfig;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** An environment variable that cannot be used. The message names it and the remedy. */
export class ConfigError extends Error {
  readonly code = "OPERATOR_CONFIG";

  constructor(variable: string, remedy: string) {
    super(`${variable}: ${remedy}`);
    this.name = "ConfigError";
  }
}

const DEFAULT_RESOURCES: V1ResourceRequirements = {
  requests: { cpu: "100m", memory: "256Mi" },
  limits: { memory: "512Mi" },
};

/** Reads the operator's configuration from environment variables. Throws ConfigError. */
export function readConfig(environment: Environment): OperatorConfig {
  const leaderElection = {
    enabled: flag(environment, "LEADER_ELECTION", true),
    leaseName: optional(environment, "LEADER_ELECTION_LEASE_NAME") ?? PROGRAM,
    leaseDurationMs: 1000 * integer(environment, "LEADER_ELECTION_LEASE_DURATION_SECONDS", 15, 1, 3600),
    renewDeadlineMs: 1000 * integer(environment, "LEADER_ELECTION_RENEW_DEADLINE_SECONDS", 10, 1, 3600),
    retryPeriodMs: 1000 * integer(environment, "LEADER_ELECTION_RETRY_PERIOD_SECONDS", 2, 1, 3600),
  };
  if (leaderElection.renewDeadlineMs >= leaderElection.leaseDurationMs) {
    throw new ConfigError("LEADER_ELECTION_RENEW_DEADLINE_SECONDS", "must be less than the lease duration");
  }
  if (leaderElection.retryPeriodMs >= leaderElection.renewDeadlineMs) {
    throw new ConfigError("LEADER_ELECTION_RETRY_PERIOD_SECONDS", "must be less than the renew deadline");
  }
  return {
    podName: required(environment, "POD_NAME", "set it to the pod's name (downward API: metadata.name)"),
    podNamespace: required(environment, "POD_NAMESPACE", "set it to the pod's namespace (metadata.namespace)"),
    watchNamespaces: namespaces(environment, "WATCH_NAMESPACES", "or nothing for all"),
    pause: {
      all: flag(environment, "PAUSE_ALL", false),
      namespaces: namespaces(environment, "PAUSE_NAMESPACES", "or nothing for none"),
    },
    operatorClass: operatorClass(environment),
    worker: {
      image: required(environment, "WORKER_IMAGE", "set it to the image that worker pods run"),
      imagePullPolicy: choice(environment, "WORKER_IMAGE_PULL_POLICY", ["IfNotPresent", "Always", "Never"]),
      imagePullSecrets: list(environment, "WORKER_IMAGE_PULL_SECRETS"),
      resources: resources(environment),
      ...fleetPod(environment),
      ...disruptionBudget(environment),
      ...networkPolicy(environment),
    },
    rollout: {
      maxConcurrent: share(environment, "ROLLOUT_MAX_CONCURRENT", { percent: 10 }),
      paused: flag(environment, "ROLLOUT_PAUSE", false),
      canaries: selector(environment, "ROLLOUT_CANARIES"),
      maxFailures: integer(environment, "ROLLOUT_MAX_FAILURES", 1, 1, 100_000),
    },
    logLevel: choice(environment, "LOG_LEVEL", ["info", "debug", "warn", "error"]),
    httpPort: integer(environment, "HTTP_PORT", 8080, 0, 65_535),
    concurrency: integer(environment, "MAX_CONCURRENT_RECONCILES", 4, 1, 64),
    leaderElection,
  };
}

function optional(environment: Environment, name: string): string | undefined {
  const text = environment[name]?.trim();
  return text === undefined || text === "" ? undefined : text;
}

function required(environment: Environment, name: string, remedy: string): string {
  const text = optional(environment, name);
  if (text === undefined) throw new ConfigError(name, `is not set: ${remedy}`);
  return text;
}

function list(environment: Environment, name: string): string[] {
  const items = (optional(environment, name) ?? "").split(",").map((item) => item.trim());
  return [...new Set(items.filter((item) => item !== ""))];
}

function namespaces(environment: Environment, variable: string, remedy: string): string[] {
  const names = list(environment, variable);
  const wrong = names.find((name) => !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name));
  if (wrong === undefined) return names;
  throw new ConfigError(variable, `"${wrong}" is no namespace: give names with commas between, ${remedy}`);
}

function operatorClass(environment: Environment): string {
  const name = optional(environment, "OPERATOR_CLASS") ?? DEFAULT_CLASS;
  if (/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name)) return name;
  throw new ConfigError(
    "OPERATOR_CLASS",
    `"${name}" is no class: give at most 40 lower-case letters, digits and hyphens`,
  );
}

function integer(environment: Environment, name: string, fallback: number, min: number, max: number): number {
  const text = optional(environment, name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new ConfigError(name, `"${text}" is not an integer from ${min} to ${max}`);
}

function flag(environment: Environment, name: string, fallback: boolean): boolean {
  const text = optional(environment, name);
  if (text === undefined) return fallback;
  if (text === "true" || text === "false") return text === "true";
  throw new ConfigError(name, `"${text}" is neither true nor false`);
}

/** One of a few words; the first is the default. */
function choice<const T extends string>(environment: Environment, name: string, words: readonly [T, ...T[]]): T {
  const text = optional(environment, name) ?? words[0];
  const word = words.find((candidate) => candidate === text);
  if (word !== undefined) return word;
  throw new ConfigError(name, `"${text}" is none of ${words.join(", ")}`);
}

function fleetPod(environment: Environment): Pick<WorkerDefaults, "pod"> {
  const name = "WORKER_POD";
  const text = optional(environment, name);
  if (text === undefined) return {};
  try {
    return { pod: readFleetPod(text) };
  } catch (error) {
    throw new ConfigError(name, error instanceof Error ? error.message : String(error));
  }
}

function disruptionBudget(environment: Environment): Pick<WorkerDefaults, "disruptionBudget"> {
  const name = "WORKER_DISRUPTION_BUDGET";
  const value = jsonObject(environment, name, ["maxUnavailable"], '{"maxUnavailable":1}');
  if (value === undefined) return {};
  const { maxUnavailable = 1 } = value;
  if (typeof maxUnavailable === "number" ? maxUnavailable > 0 : /^[1-9]\d?%$|^100%$/.test(String(maxUnavailable))) {
    return { disruptionBudget: { maxUnavailable: maxUnavailable as number | string } };
  }
  throw new ConfigError(name, "maxUnavailable must be a number from 1 or a percentage from 1%");
}

function networkPolicy(environment: Environment): Pick<WorkerDefaults, "networkPolicy"> {
  const name = "WORKER_NETWORK_POLICY";
  const value = jsonObject(environment, name, ["from", "egress"], '{"from":[],"egress":[]}');
  if (value === undefined) return {};
  const rules = (field: string): object[] => {
    const given = value[field] ?? [];
    if (Array.isArray(given) && given.every((rule) => typeof rule === "object" && rule !== null)) return given;
    throw new ConfigError(name, `${field} must be a list of objects, as in a NetworkPolicy`);
  };
  return { networkPolicy: { from: rules("from"), egress: rules("egress") } };
}

function resources(environment: Environment): V1ResourceRequirements {
  const name = "WORKER_RESOURCES";
  const given = jsonObject(environment, name, ["requests", "limits"], '{"limits":{"memory":"512Mi"}}');
  for (const [list, quantities] of Object.entries(given ?? {})) checkQuantities(name, list, quantities);
  return given ?? DEFAULT_RESOURCES;
}

function selector(environment: Environment, name: string): LabelSelector | undefined {
  const fields = ["matchLabels", "matchExpressions"];
  const given: LabelSelector | undefined = jsonObject(environment, name, fields, '{"matchLabels":{"tier":"canary"}}');
  if (Array.isArray(given?.matchExpressions ?? [])) return given;
  throw new ConfigError(name, "matchExpressions must be a list");
}

/** A JSON object with some of these fields; undefined when it is not set. */
function jsonObject(
  environment: Environment,
  name: string,
  fields: readonly string[],
  example: string,
): Record<string, unknown> | undefined {
  const text = optional(environment, name);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConfigError(name, `is not JSON: give for example ${example}`);
  }
  const words = fields.join(" and ");
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(name, `must be a JSON object with ${words}`);
  }
  const unknown = Object.keys(value).find((key) => !fields.includes(key));
  if (unknown !== undefined) throw new ConfigError(name, `has no field "${unknown}": give ${words}`);
  return value as Record<string, unknown>;
}

/** A bad one would be told of every sink's Deployment, and by nobody who could mend it. */
function checkQuantities(variable: string, list: string, quantities: unknown): void {
  for (const [resource, quantity] of Object.entries((quantities ?? {}) as Record<string, unknown>)) {
    // Kubernetes takes a plain number for its text.
    if (isQuantity(quantity) || (typeof quantity === "number" && isQuantity(String(quantity)))) continue;
    throw new ConfigError(variable, `${list}.${resource} ${quantityMessage(quantity)}`);
  }
}

/** A number, or a percentage such as `10%`. */
function share(environment: Environment, name: string, fallback: RolloutPolicy["maxConcurrent"]) {
  const text = optional(environment, name);
  if (text === undefined) return fallback;
  const [, digits, sign] = /^(\d{1,6})(%?)$/.exec(text) ?? [];
  const number = Number(digits ?? 0);
  if (number >= 1 && sign === "") return { sinks: number };
  if (number >= 1 && number <= 100 && sign === "%") return { percent: number };
  throw new ConfigError(name, `"${text}" is neither a number from 1 nor a percentage from 1% to 100%`);
}
