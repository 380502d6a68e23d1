import assert from "node:assert/strict";
import { test } from "node:test";
import { CONFIG_KEY, configMap } from "../../operator/desired/config-map.ts";
import { ConfigError, readCopy, readManifest } from "../../worker/config.ts";
import { liveSink } from "../operator/sink-fixture.ts";

const inline = liveSink({
  config: {
    awsKinesisStreamName: "orders",
    awsRegion: "us-west-2",
    awsCredentialPluginParam: '{"accessKey":"a","secretKey":"b"}',
  },
  secrets: {},
});

test("the operator's copy is read, though the inline credential parameter was taken from it", () => {
  const text = configMap(inline).data[CONFIG_KEY] ?? "";
  assert.doesNotMatch(text, /secretKey/);
  const { metadata, spec } = readCopy(text);
  assert.equal(metadata.uid, inline.metadata.uid);
  assert.equal(spec.config.awsKinesisStreamName, inline.spec.config.awsKinesisStreamName);
  assert.equal(spec.config.collectionMaxCount, 500);
});

test("a manifest may be YAML, and needs its credentials", async () => {
  const text = configMap(inline).data[CONFIG_KEY] ?? "";
  await assert.rejects(readManifest(text), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /no credentials/);
    return true;
  });
  await assert.rejects(readManifest("kind: [KinesisSink"), /is not YAML/);
});
