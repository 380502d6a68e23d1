import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { load } from "js-yaml";
import { workerConfig } from "../../../operator/desired/config-map.ts";
import { deployment, templateHash } from "../../../operator/desired/deployment.ts";
import { configMapNames, secretNames } from "../../../operator/desired/volumes.ts";
import type { FleetPod } from "../../../operator/desired/worker-defaults.ts";
import { readFleetPod } from "../../../operator/worker-pod.ts";
import { liveSink, WORKER_DEFAULTS } from "../sink-fixture.ts";

const VALUES = join(import.meta.dirname, "../../../charts/kinesis-sink-operator/values.yaml");

const templateOf = (spec: Record<string, unknown>, metadata?: Record<string, unknown>) =>
  templateHash(deployment(liveSink(spec, metadata), WORKER_DEFAULTS));

test("scaling, pausing, another log level, what is to happen later and a new generation leave the pods alone", () => {
  const before = templateOf({ replicas: 1 });
  assert.equal(templateOf({ replicas: 9 }), before);
  assert.equal(templateOf({ paused: true }), before);
  assert.equal(templateOf({ logLevel: "debug" }), before);
  assert.equal(templateOf({ autoscaling: { maxReplicas: 4, targetLagSeconds: 60 } }), before);
  assert.equal(templateOf({ cleanupSubscription: true }), before);
  assert.equal(templateOf({}, { generation: 99 }), before);
});

test("what a worker reads, and what its pod is, makes new pods", () => {
  const changes: Record<string, unknown>[] = [
    { lingerMillis: 50 },
    { config: { awsKinesisStreamName: "other", awsRegion: "us-west-2" } },
    { pulsar: { serviceUrl: "pulsar://other:6650", topics: ["orders"] } },
    { pod: { nodeSelector: { disk: "ssd" } } },
    { serviceAccount: { name: "mine" } },
  ];
  const hashes = changes.map((spec) => templateOf(spec));
  assert.equal(new Set([templateOf({}), ...hashes]).size, changes.length + 1);
});

test("another cloud identity of the account makes new pods, for it is put into a pod when that is made", () => {
  const role = (arn: string) => templateOf({ serviceAccount: { annotations: { "eks.amazonaws.com/role-arn": arn } } });
  assert.notEqual(role("arn:aws:iam::1:role/a"), role("arn:aws:iam::1:role/b"));
  assert.equal(templateOf({ serviceAccount: { annotations: {} } }), templateOf({}));
});

test("another inline credential makes new pods, for a worker reads it when it starts", () => {
  const inline = (secretKey: string) =>
    liveSink({
      secrets: undefined,
      config: {
        awsKinesisStreamName: "orders",
        awsRegion: "us-west-2",
        awsCredentialPluginParam: JSON.stringify({ accessKey: "AKIA", secretKey }),
      },
    });
  assert.notEqual(workerConfig(inline("one")).hash, workerConfig(inline("two")).hash);
});

test("labels that select the pods cannot be replaced by the user's", () => {
  const sink = liveSink({ pod: { labels: { team: "shop" } } });
  sink.spec.pod.labels = { ...sink.spec.pod.labels, "app.kubernetes.io/name": "mine" };
  const { metadata } = deployment(sink, WORKER_DEFAULTS).spec.template;
  assert.equal(metadata?.labels?.["app.kubernetes.io/name"], "kinesis-sink-worker");
  assert.equal(metadata?.labels?.["team"], "shop");
});

test("every Secret and ConfigMap that the spec names is found, each once", () => {
  const { spec } = liveSink();
  spec.pulsar.auth = {
    token: { name: "token", key: "k" },
    oauth2: { issuerUrl: "https://issuer", credentials: { name: "oauth2", key: "k" } },
    tls: { name: "tls", certificateKey: "c", privateKeyKey: "k" },
    basic: { name: "aws", usernameKey: "u", passwordKey: "p" },
  };
  const base = { allowInsecureConnection: false, hostnameVerification: true };
  spec.pulsar.tls = { ...base, ca: { secret: { name: "ca", key: "k" }, configMap: { name: "ca-map", key: "k" } } };
  spec.aws = { ca: { secret: { name: "aws-ca", key: "k" }, configMap: { name: "aws-ca-map", key: "k" } } };
  spec.pulsar.encryption = { privateKeys: { name: "keys" }, onFailure: "Fail" };
  assert.deepEqual(secretNames(spec), ["aws", "aws-ca", "ca", "keys", "oauth2", "tls", "token"]);
  assert.deepEqual(configMapNames(spec), ["aws-ca-map", "ca-map"]);
});

test("a spread constraint that names no pods counts the sink's own", () => {
  const zone = { maxSkew: 1, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "DoNotSchedule" };
  const theirs = { ...zone, topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { team: "shop" } } };
  const { spec } = deployment(liveSink({ pod: { topologySpreadConstraints: [zone, theirs] } }), WORKER_DEFAULTS);
  const own = { matchLabels: spec.selector.matchLabels };
  assert.deepEqual(spec.template.spec?.topologySpreadConstraints, [{ ...zone, labelSelector: own }, theirs]);
});

const withFleetPod = (pod: FleetPod, spec: Record<string, unknown> = {}) => {
  const { template } = deployment(liveSink(spec), { ...WORKER_DEFAULTS, pod }).spec;
  return { ...template.spec, labels: template.metadata?.labels, annotations: template.metadata?.annotations };
};

test("what is given to all workers counts where the sink says nothing", () => {
  const fleet: FleetPod = {
    nodeSelector: { disk: "ssd" },
    tolerations: [{ key: "dedicated", operator: "Exists" }],
    priorityClassName: "high",
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" }],
  };
  const pod = withFleetPod(fleet);
  const { topologySpreadConstraints: _spread, ...as } = fleet;
  assert.partialDeepStrictEqual(pod, as);
  const [constraint] = pod.topologySpreadConstraints ?? [];
  assert.equal(constraint?.labelSelector?.matchLabels?.["pulsar-kinesis.io/sink"], "orders");
  const own = { nodeSelector: {}, tolerations: [], priorityClassName: "low" };
  assert.partialDeepStrictEqual(withFleetPod(fleet, { pod: own }), own);
});

test("labels, annotations and variables of all workers and of the sink go together, and the sink's win", () => {
  const fleet: FleetPod = {
    labels: { team: "all", "app.kubernetes.io/part-of": "fleet" },
    annotations: { a: "all", b: "all" },
    env: [
      { name: "ONE", value: "all" },
      { name: "TWO", value: "all" },
    ],
  };
  const pod = { labels: { team: "shop" }, annotations: { a: "shop" }, env: [{ name: "TWO", value: "shop" }] };
  const { labels, annotations, containers = [] } = withFleetPod(fleet, { pod });
  assert.partialDeepStrictEqual(labels, { team: "shop", "app.kubernetes.io/part-of": "fleet" });
  assert.partialDeepStrictEqual(annotations, { a: "shop", b: "all" });
  const values = (containers[0]?.env ?? []).filter(({ value, name }) => value !== undefined && name !== "CONFIG_HASH");
  assert.deepEqual(values, [
    { name: "ONE", value: "all" },
    { name: "TWO", value: "shop" },
  ]);
});

test("user and groups can be others', or the platform's", () => {
  const identity = (pod: FleetPod) => withFleetPod(pod).securityContext;
  const seccompProfile = { type: "RuntimeDefault" };
  const nonRoot = { runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 };
  assert.deepEqual(identity({}), { runAsNonRoot: true, ...nonRoot, seccompProfile });
  assert.deepEqual(identity({ securityContext: {} }), { runAsNonRoot: true, seccompProfile });
  assert.deepEqual(identity({ securityContext: { fsGroup: 1 } }), { runAsNonRoot: true, fsGroup: 1, seccompProfile });
});

test("what the chart gives by default makes no new pods", () => {
  const { workerPod } = load(readFileSync(VALUES, "utf8")) as { workerPod: object };
  const pod = readFleetPod(JSON.stringify(workerPod));
  assert.equal(templateHash(deployment(liveSink(), { ...WORKER_DEFAULTS, pod })), templateOf({}));
});
