import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "../../../crds/validation/manifest.ts";
import { goodManifest } from "../good-manifest.ts";

const sink = `apiVersion: pulsar-kinesis.io/v1alpha1
kind: KinesisSink
metadata: { name: orders }
spec:
  config: { awsKinesisStreamName: orders, awsRegion: us-west-2, retainOrdering: yes }
  secrets: { awsCredentialPluginParam: { name: aws, key: json } }
  pulsar: { serviceUrl: "pulsar://pulsar:6650", topics: [orders] }
`;

function onlyError(text: string): { code: string; message: string } {
  const result = parseManifest(text);
  assert.ok(!result.ok);
  assert.equal(result.errors.length, 1);
  return result.errors[0] ?? assert.fail();
}

test("the one KinesisSink among other documents is read", () => {
  const text = `---\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: aws }\n---\n${sink}---\n`;
  const result = parseManifest(text);
  assert.ok(result.ok, JSON.stringify(result));
  assert.equal(result.value.metadata.name, "orders");
});

test("words that kubectl reads as booleans are booleans", () => {
  const result = parseManifest(sink);
  assert.ok(result.ok && result.value.spec.config.retainOrdering);
});

test("JSON is read", () => {
  assert.ok(parseManifest(JSON.stringify(goodManifest)).ok);
});

test("two KinesisSinks are one too many", () => {
  assert.deepEqual(onlyError(`${sink}---\n${sink}`), {
    code: "SeveralKinesisSinks",
    field: "(manifest)",
    message: "holds 2 KinesisSinks: give one",
  });
});

test("no KinesisSink: the kinds that were found are named", () => {
  const error = onlyError("kind: Secret\n---\nkind: ConfigMap\n");
  assert.equal(error.message, "holds no KinesisSink: it has Secret, ConfigMap");
  assert.equal(onlyError("").message, "holds no KinesisSink: it is empty");
});

test("a single document without the right kind is told what its kind must be", () => {
  const result = parseManifest(sink.replace("kind: KinesisSink", "kind: KinesisSource"));
  assert.ok(!result.ok);
  assert.deepEqual(
    result.errors.map(({ field }) => field),
    ["kind"],
  );
});

test("what is not YAML is refused with its place and without its text", () => {
  const error = onlyError(`${sink}  bad: [hunter2\n`);
  assert.equal(error.code, "NotYaml");
  assert.match(error.message, /is not YAML in line \d+/);
  assert.doesNotMatch(error.message, /hunter2/);
});
