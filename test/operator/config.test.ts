import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, type Environment, readConfig } from "../../operator/config.ts";

const LEAST: Environment = { POD_NAME: "operator-0", POD_NAMESPACE: "ops", WORKER_IMAGE: "worker:1" };

test("what is not set has the documented default", () => {
  assert.deepEqual(readConfig(LEAST), {
    podName: "operator-0",
    podNamespace: "ops",
    watchNamespaces: [],
    operatorClass: "default",
    pause: { all: false, namespaces: [] },
    worker: {
      image: "worker:1",
      imagePullPolicy: "IfNotPresent",
      imagePullSecrets: [],
      resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "512Mi" } },
    },
    rollout: { maxConcurrent: { percent: 10 }, paused: false, canaries: undefined, maxFailures: 1 },
    logLevel: "info",
    httpPort: 8080,
    concurrency: 4,
    leaderElection: {
      enabled: true,
      leaseName: "kinesis-sink-operator",
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2_000,
    },
  });
});

test("what is set is read", () => {
  const config = readConfig({
    ...LEAST,
    WATCH_NAMESPACES: " one, two ,one,",
    OPERATOR_CLASS: "blue",
    PAUSE_ALL: "true",
    PAUSE_NAMESPACES: "shop",
    WORKER_DISRUPTION_BUDGET: '{"maxUnavailable":"25%"}',
    WORKER_NETWORK_POLICY: '{"from":[{"podSelector":{}}]}',
    WORKER_IMAGE_PULL_POLICY: "Always",
    WORKER_IMAGE_PULL_SECRETS: "a,b",
    WORKER_RESOURCES: '{"limits":{"memory":"1Gi"}}',
    WORKER_POD: '{"nodeSelector":{"disk":"ssd"},"securityContext":{"runAsUser":1000,"fsGroup":null}}',
    LOG_LEVEL: "debug",
    HTTP_PORT: "9000",
    MAX_CONCURRENT_RECONCILES: "8",
    LEADER_ELECTION: "false",
    LEADER_ELECTION_LEASE_NAME: "mine",
    ROLLOUT_MAX_CONCURRENT: "3",
    ROLLOUT_PAUSE: "true",
    ROLLOUT_CANARIES: '{"matchLabels":{"tier":"canary"}}',
    ROLLOUT_MAX_FAILURES: "2",
    LEADER_ELECTION_LEASE_DURATION_SECONDS: "30",
  });
  assert.deepEqual(config.watchNamespaces, ["one", "two"]);
  assert.equal(config.operatorClass, "blue");
  assert.deepEqual(config.pause, { all: true, namespaces: ["shop"] });
  assert.deepEqual(config.worker.disruptionBudget, { maxUnavailable: "25%" });
  assert.deepEqual(config.worker.networkPolicy, { from: [{ podSelector: {} }], egress: [] });
  assert.deepEqual(config.worker.imagePullSecrets, ["a", "b"]);
  assert.deepEqual(config.worker.pod, { nodeSelector: { disk: "ssd" }, securityContext: { runAsUser: 1000 } });
  assert.deepEqual(config.worker.resources, { limits: { memory: "1Gi" } });
  assert.deepEqual([config.worker.imagePullPolicy, config.logLevel, config.httpPort], ["Always", "debug", 9000]);
  assert.deepEqual([config.concurrency, config.leaderElection.enabled], [8, false]);
  const canaries = { matchLabels: { tier: "canary" } };
  assert.deepEqual(config.rollout, { maxConcurrent: { sinks: 3 }, paused: true, canaries, maxFailures: 2 });
  assert.deepEqual([config.leaderElection.leaseName, config.leaderElection.leaseDurationMs], ["mine", 30_000]);
});

const WRONG: readonly (readonly [variable: string, value: string, message: RegExp])[] = [
  ["POD_NAME", "", /POD_NAME: is not set/],
  ["POD_NAMESPACE", " ", /POD_NAMESPACE: is not set/],
  ["WORKER_IMAGE", "", /WORKER_IMAGE: is not set: set it to the image/],
  ["WATCH_NAMESPACES", "ok,Not_OK", /"Not_OK" is no namespace/],
  ["PAUSE_NAMESPACES", "Shop", /"Shop" is no namespace/],
  ["PAUSE_ALL", "yes", /"yes" is neither true nor false/],
  ["OPERATOR_CLASS", "Blue", /"Blue" is no class/],
  ["OPERATOR_CLASS", "b".repeat(41), /is no class/],
  ["WORKER_IMAGE_PULL_POLICY", "Sometimes", /none of IfNotPresent, Always, Never/],
  ["WORKER_DISRUPTION_BUDGET", '{"maxUnavailable":0}', /maxUnavailable must be a number from 1/],
  ["WORKER_DISRUPTION_BUDGET", '{"minAvailable":1}', /has no field "minAvailable": give maxUnavailable/],
  ["WORKER_NETWORK_POLICY", '{"from":{}}', /from must be a list of objects/],
  ["WORKER_POD", "{", /is not JSON/],
  ["WORKER_POD", "[]", /must be a JSON object/],
  ["WORKER_POD", '{"image":"x"}', /has no field "image": give labels/],
  ["WORKER_POD", '{"tolerations":{"a":"b"}}', /WORKER_POD: tolerations must be an array/],
  ["WORKER_POD", '{"nodeSelector":{"disk":1}}', /WORKER_POD: nodeSelector\.disk must be a string/],
  ["WORKER_POD", '{"env":[{"name":"POD_NAME"}]}', /WORKER_POD: env may not set POD_NAME/],
  ["WORKER_POD", '{"labels":{"pulsar-kinesis.io/sink":"x"}}', /WORKER_POD: labels may not set pulsar-kinesis\.io/],
  ["WORKER_POD", '{"securityContext":{"privileged":true}}', /securityContext has no field "privileged"/],
  ["WORKER_POD", '{"securityContext":{"runAsUser":0}}', /securityContext\.runAsUser must be an integer from 1/],
  ["WORKER_RESOURCES", "{", /is not JSON/],
  ["ROLLOUT_MAX_CONCURRENT", "0", /"0" is neither a number from 1 nor a percentage/],
  ["ROLLOUT_MAX_CONCURRENT", "101%", /nor a percentage from 1% to 100%/],
  ["ROLLOUT_CANARIES", '{"tier":"canary"}', /has no field "tier": give matchLabels and matchExpressions/],
  ["ROLLOUT_CANARIES", '{"matchExpressions":{}}', /matchExpressions must be a list/],
  ["ROLLOUT_MAX_FAILURES", "0", /is not an integer from 1/],
  ["WORKER_RESOURCES", "[]", /must be a JSON object/],
  ["WORKER_RESOURCES", '{"memory":"1Gi"}', /has no field "memory"/],
  ["WORKER_RESOURCES", '{"limits":{"memory":"512MB"}}', /limits\.memory must be a quantity.*did you mean 512Mi\?/],
  ["WORKER_RESOURCES", '{"requests":{"cpu":"0.5cores"}}', /requests\.cpu must be a quantity.*did you mean 500m\?/],
  ["LOG_LEVEL", "loud", /none of info, debug, warn, error/],
  ["HTTP_PORT", "http", /not an integer from 0 to 65535/],
  ["HTTP_PORT", "70000", /not an integer from 0 to 65535/],
  ["MAX_CONCURRENT_RECONCILES", "0", /not an integer from 1 to 64/],
  ["LEADER_ELECTION", "yes", /neither true nor false/],
  ["LEADER_ELECTION_RENEW_DEADLINE_SECONDS", "15", /must be less than the lease duration/],
  ["LEADER_ELECTION_RETRY_PERIOD_SECONDS", "10", /must be less than the renew deadline/],
];

for (const [variable, value, message] of WRONG) {
  test(`${variable}=${JSON.stringify(value)} is refused by name`, () => {
    assert.throws(
      () => readConfig({ ...LEAST, [variable]: value }),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(`${variable}: `));
        return true;
      },
    );
  });
}
