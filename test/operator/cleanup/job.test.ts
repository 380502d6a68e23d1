import assert from "node:assert/strict";
import { test } from "node:test";
import { CONFIG_ANNOTATION, cleanupJob, jobName, SINK_UID_ANNOTATION } from "../../../operator/cleanup/job.ts";
import { selectorLabels } from "../../../operator/desired/names.ts";
import { parseArguments } from "../../../worker/arguments.ts";
import { readCopy } from "../../../worker/config.ts";
import { liveSink, WORKER_DEFAULTS } from "../sink-fixture.ts";

const SPEC = {
  cleanupSubscription: true,
  config: {
    awsKinesisStreamName: "orders",
    awsRegion: "us-west-2",
    extraKinesisProducerConfig: { much: "x".repeat(1_000) },
  },
  pulsar: {
    serviceUrl: "pulsar+ssl://pulsar:6651",
    topicsPattern: "persistent://public/default/orders-.*",
    auth: { token: { name: "pulsar" } },
    tls: { ca: { configMap: { name: "authority" } } },
  },
  deadLetter: { topic: "orders-dead" },
  pod: {
    env: [{ name: "HTTPS_PROXY", value: "http://proxy:3128" }],
    labels: { team: "shop" },
    annotations: { "sidecar.istio.io/inject": "false" },
  },
};

const sink = liveSink(SPEC);
const job = cleanupJob(sink, WORKER_DEFAULTS);
const { metadata, spec: pod } = job.spec.template;
const [container] = pod?.containers ?? [];

test("nothing owns the Job, and it goes by itself when it has ended", () => {
  assert.equal(job.metadata.ownerReferences, undefined);
  assert.equal(job.metadata.annotations?.[SINK_UID_ANNOTATION], sink.metadata.uid);
  assert.ok((job.spec.ttlSecondsAfterFinished ?? 0) > 0);
  assert.ok((job.spec.activeDeadlineSeconds ?? 0) > 0);
});

test("each life of a sink's name has a Job of its own, whose name fits a label", () => {
  const name = "a-sink-whose-name-has-forty-characters-x";
  assert.equal(name.length, 40);
  const lives = ["uid-1", "uid-2"].map((uid) => jobName(liveSink(SPEC, { name, uid })));
  assert.notEqual(lives[0], lives[1]);
  for (const life of lives) assert.ok(life.length <= 63, life);
});

test("its pod has no credentials for the API server, and nothing that goes with the sink", () => {
  assert.equal(pod?.automountServiceAccountToken, false);
  assert.equal(pod?.serviceAccountName, undefined);
  const volumes = JSON.stringify(pod?.volumes);
  assert.doesNotMatch(volumes, /serviceAccountToken|orders-kinesis-sink/);
  const mounted = container?.volumeMounts?.map(({ name }) => name).toSorted();
  assert.deepEqual(mounted, pod?.volumes?.map(({ name }) => name).toSorted());
});

test("an account that the sink names is somebody's who keeps it, and is used", () => {
  const named = cleanupJob(liveSink({ ...SPEC, serviceAccount: { name: "shop" } }), WORKER_DEFAULTS);
  assert.equal(named.spec.template.spec?.serviceAccountName, "shop");
});

test("its pod is none of the workers'", () => {
  const workers = Object.entries(selectorLabels(sink));
  assert.ok(workers.some(([name, value]) => metadata?.labels?.[name] !== value));
  assert.equal(metadata?.labels?.["team"], "shop");
  assert.equal(metadata?.annotations?.["sidecar.istio.io/inject"], "false");
});

test("it runs the workers' image with their Secrets, security and variables, in the mode that unsubscribes", () => {
  assert.equal(container?.image, WORKER_DEFAULTS.image);
  assert.deepEqual(container?.env, [{ name: "HTTPS_PROXY", value: "http://proxy:3128" }]);
  assert.equal(container?.securityContext?.readOnlyRootFilesystem, true);
  assert.equal(pod?.securityContext?.runAsNonRoot, true);
  assert.match(JSON.stringify(pod?.volumes), /"secretName":"pulsar".*"name":"authority"/);
  const args = container?.args ?? [];
  const own = args.slice(args.findIndex((argument) => argument.endsWith("main.js")) + 1);
  assert.deepEqual(parseArguments(own), {
    kind: "unsubscribe",
    config: "/etc/kinesis-sink/config/sink.json",
    keys: "/etc/kinesis-sink",
  });
});

test("its configuration is in itself, is one that a worker reads, and holds no more than is needed", () => {
  const text = metadata?.annotations?.[CONFIG_ANNOTATION] ?? "";
  assert.ok(text.length < 2_000);
  const { manifest } = readCopy(text);
  assert.deepEqual(manifest.spec.pulsar, sink.spec.pulsar);
  assert.deepEqual(manifest.spec.deadLetter, sink.spec.deadLetter);
  assert.deepEqual([manifest.metadata.namespace, manifest.metadata.name], ["shop", "orders"]);
  const file = pod?.volumes?.find(({ name }) => name === "config")?.downwardAPI?.items?.[0];
  assert.deepEqual(file, {
    path: "sink.json",
    fieldRef: { fieldPath: `metadata.annotations['${CONFIG_ANNOTATION}']` },
  });
});

test("an inline credential is not in it", () => {
  const config = {
    awsKinesisStreamName: "orders",
    awsRegion: "us-west-2",
    awsCredentialPluginParam: '{"accessKey":"a","secretKey":"hunter2"}',
  };
  const inline = liveSink({ ...SPEC, config, secrets: undefined });
  assert.doesNotMatch(JSON.stringify(cleanupJob(inline, WORKER_DEFAULTS)), /hunter2/);
});
