import assert from "node:assert/strict";
import { test } from "node:test";
import { CONFIG_KEY } from "../../../crds/worker-config.ts";
import { configMap, workerConfig } from "../../../operator/desired/config-map.ts";
import { deployment } from "../../../operator/desired/deployment.ts";
import { mountedConfig, type VolumeHolder } from "../../../operator/desired/volumes.ts";
import { readCopy } from "../../../worker/config.ts";
import { liveSink, WORKER_DEFAULTS } from "../sink-fixture.ts";

const textOf = (spec: Record<string, unknown>) => configMap(liveSink(spec)).data[CONFIG_KEY] ?? "";

test("the name tells the content, and nothing can change it under a pod", () => {
  const before = configMap(liveSink());
  const again = configMap(
    liveSink({ replicas: 9, logLevel: "debug", serviceAccount: { name: "mine" } }, { generation: 9 }),
  );
  assert.deepEqual(again, before);
  assert.equal(before.immutable, true);
  const other = configMap(liveSink({ lingerMillis: 50 }));
  assert.notEqual(other.metadata.name, before.metadata.name);
  const { template } = deployment(liveSink(), WORKER_DEFAULTS).spec;
  assert.equal(mountedConfig(template.spec as VolumeHolder), before.metadata.name);
});

test("the order in which somebody gave the fields makes no other configuration", () => {
  const sink = liveSink({ lingerMillis: 50 });
  const turned = {
    ...sink,
    spec: Object.fromEntries(Object.entries(sink.spec).reverse()) as unknown as typeof sink.spec,
  };
  assert.deepEqual(configMap(turned), configMap(sink));
});

test("only what differs from what a worker does anyway is in it", () => {
  assert.deepEqual(
    JSON.parse(textOf({ lingerMillis: 0, pulsar: { serviceUrl: "pulsar://a:1", topics: ["t"] } })).spec,
    {
      config: { awsKinesisStreamName: "orders", awsRegion: "us-west-2" },
      pulsar: { serviceUrl: "pulsar://a:1", topics: ["t"] },
      secrets: { awsCredentialPluginParam: { name: "aws", key: "param" } },
    },
  );
  const auth = { token: { name: "pulsar", key: "token" } };
  const given = { pulsar: { serviceUrl: "pulsar://a:1", topics: ["t"], auth, receiverQueueSize: 7 }, lingerMillis: 9 };
  const { spec } = JSON.parse(
    textOf({ ...given, pod: { terminationGracePeriodSeconds: 9, priorityClassName: "high" } }),
  );
  assert.deepEqual(spec.pulsar, { ...given.pulsar, auth: { token: { name: "pulsar" } } });
  assert.deepEqual([spec.lingerMillis, spec.pod], [9, { terminationGracePeriodSeconds: 9 }]);
});

test("a worker makes of it what the sink is, but for what is none of its business", () => {
  const sink = liveSink({
    config: {
      awsKinesisStreamName: "orders",
      awsRegion: "us-west-2",
      retainOrdering: true,
      jsonIncludeNonNulls: false,
    },
    pulsar: {
      serviceUrl: "pulsar+ssl://a:1",
      topics: ["t"],
      auth: { tls: { name: "certificate" } },
      tls: { ca: { configMap: { name: "ca" } }, hostnameVerification: false },
      subscription: { name: "mine", initialPosition: "Latest" },
    },
    replicas: 3,
    logLevel: "debug",
    pod: { terminationGracePeriodSeconds: 120, nodeSelector: { disk: "ssd" } },
  });
  const { manifest, unknownFields } = readCopy(configMap(sink).data[CONFIG_KEY] ?? "");
  assert.deepEqual(unknownFields, []);
  const pod = { terminationGracePeriodSeconds: 120 };
  assert.deepEqual(manifest.spec, { ...sink.spec, replicas: 1, logLevel: "info", pod });
});

test("fields of a newer definition go along, for the worker may be the version that knows them", () => {
  const sink = liveSink();
  sink.spec = { ...sink.spec, shards: { merge: true } } as typeof sink.spec;
  assert.deepEqual(JSON.parse(configMap(sink).data[CONFIG_KEY] ?? "").spec.shards, { merge: true });
  assert.notEqual(workerConfig(sink).name, workerConfig(liveSink()).name);
});

test("a form that this worker does not know is refused with what to do", () => {
  const newer = JSON.parse(textOf({}));
  newer.metadata.annotations["pulsar-kinesis.io/config-version"] = "2";
  assert.throws(() => readCopy(JSON.stringify(newer)), /config-version.*version 2.*reads up to 1: run a worker image/s);
  delete newer.metadata.annotations;
  assert.equal(readCopy(JSON.stringify(newer)).manifest.metadata.name, "orders", "as the first release wrote it");
});
