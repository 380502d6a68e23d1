/** Files are others' text: whatever stands in them is told, or converted to what can be read, and ends no command. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { commandLine } from "./command-line.ts";

const json = fc.jsonValue({ maxDepth: 3 });
const texts = fc.constantFrom(
  "",
  "orders",
  "true",
  "100",
  "persistent://a/b/c",
  "token:x",
  "{",
  '{"accessKey":"a"}',
  "a\nb: c",
);
const value = fc.oneof(json, texts, fc.array(texts), fc.dictionary(texts, json));

const propertyNames = [
  ...["name", "tenant", "namespace", "inputs", "topicsPattern", "inputSpecs", "configs", "secrets", "parallelism"],
  ...["retainOrdering", "processingGuarantees", "deadLetterTopic", "maxMessageRetries", "cleanupSubscription"],
  ...["sourceSubscriptionName", "sourceSubscriptionPosition", "timeoutMs", "resources", "pod", "input", "sinkConfig"],
  ...["pulsar", "secretsMap", "connectionRef", "sinks", "replicas", "subscriptionName"],
];
const properties = fc.dictionary(fc.constantFrom(...propertyNames), value, { maxKeys: 8 });
const config = fc.dictionary(
  fc.constantFrom("awsKinesisStreamName", "awsRegion", "awsCredentialPluginParam", "extraKinesisProducerConfig", "x"),
  value,
);
const connector = fc.oneof(
  fc.tuple(properties, config).map(([fields, configs]) => ({ ...fields, configs, sinkType: "kinesis" })),
  ...[
    ["compute.functionmesh.io/v1alpha1", "Sink"],
    ["compute.functionmesh.io/v1alpha1", "FunctionMesh"],
    ["resource.streamnative.io/v1alpha1", "PulsarSink"],
  ].map(([apiVersion, kind]) =>
    value.chain((metadata) => properties.map((spec) => ({ apiVersion, kind, metadata, spec }))),
  ),
);

test("any text is validated to the end", async () => {
  const sink = { apiVersion: "pulsar-kinesis.io/v1alpha1", kind: "KinesisSink" };
  const document = fc.oneof(
    fc.string(),
    json.map((any) => JSON.stringify(any)),
    json.map((spec) => JSON.stringify({ ...sink, metadata: { name: "orders" }, spec })),
    json.map((metadata) => JSON.stringify({ ...sink, metadata, spec: {} })),
  );
  await fc.assert(
    fc.asyncProperty(document, async (text) => {
      const { code } = await commandLine(["validate", "-"], text);
      assert.equal(code, 1);
    }),
    { numRuns: 300 },
  );
});

test("any connector is converted into YAML that can be read, or said to be none", async () => {
  await fc.assert(
    fc.asyncProperty(connector, async (input) => {
      const { code, stdout } = await commandLine(["convert", "-"], JSON.stringify(input));
      assert.ok(code === 0 || code === 1);
      if (stdout === "") return;
      const validated = await commandLine(["validate", "-"], stdout);
      assert.equal(validated.code, code, validated.stdout);
      assert.doesNotMatch(validated.stdout, /is not YAML/);
    }),
    { numRuns: 300 },
  );
});
