import { validateKinesisSink } from "../../crds/validation/validate.ts";
import type { LiveSink } from "../../operator/desired/names.ts";
import type { WorkerDefaults } from "../../operator/desired/worker-defaults.ts";
import type { FleetPause, OperatorIdentity } from "../../operator/reconcile/context.ts";
import { createFleet, type Fleet } from "../../operator/rollout/fleet.ts";
import type { RolloutPolicy } from "../../operator/rollout/policy.ts";

export const WORKER_DEFAULTS: WorkerDefaults = {
  image: "example.com/kinesis-sink:1.0.0",
  imagePullPolicy: "IfNotPresent",
  imagePullSecrets: [],
  resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "512Mi" } },
};

/** The operator that tests play. */
export const OPERATOR: OperatorIdentity = { class: "default", version: "1.0.0", pod: "operator-0" };

export const NO_PAUSE: FleetPause = { all: false, namespaces: [] };

/** One sink at a time. */
export const ROLLOUT: RolloutPolicy = {
  maxConcurrent: { sinks: 1 },
  paused: false,
  canaries: undefined,
  maxFailures: 1,
};

/** A fleet that nobody else is in, unless the test says so. */
export function fleetOf(policy: RolloutPolicy = ROLLOUT): Fleet {
  return createFleet({ policy, call: () => {}, complete: () => true });
}

/** A sink as the API server would return it: validated, with defaults, uid and generation. */
export function liveSink(spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): LiveSink {
  const manifest = {
    apiVersion: "pulsar-kinesis.io/v1alpha1",
    kind: "KinesisSink",
    metadata: { name: "orders", namespace: "shop", uid: "0000-sink", generation: 3, ...metadata },
    spec: {
      config: { awsKinesisStreamName: "orders", awsRegion: "us-west-2" },
      secrets: { awsCredentialPluginParam: { name: "aws", key: "param" } },
      pulsar: { serviceUrl: "pulsar://pulsar:6650", topics: ["persistent://public/default/orders"] },
      ...spec,
    },
  };
  const validation = validateKinesisSink(manifest);
  if (!validation.ok) throw new Error(JSON.stringify(validation.errors));
  return validation.value as LiveSink;
}
