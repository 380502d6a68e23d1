import assert from "node:assert/strict";
import { test } from "node:test";
import { CONFIG_KEY } from "../../crds/worker-config.ts";
import { configMap } from "../../operator/desired/config-map.ts";
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
  const { manifest, unknownFields } = readCopy(text);
  const { metadata, spec } = manifest;
  assert.deepEqual(unknownFields, []);
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

test("fields of a newer operator are left alone and named, and a manifest that a person wrote may have none", async () => {
  const newer = liveSink();
  const spec = { ...newer.spec, shards: { merge: true }, config: { ...newer.spec.config, compression: "ZSTD" } };
  const text = JSON.stringify({ ...newer, spec });
  const { manifest, unknownFields } = readCopy(text);
  assert.deepEqual(unknownFields.toSorted(), ["spec.config.compression", "spec.shards"]);
  assert.equal(manifest.spec.config.collectionMaxCount, 500);
  await assert.rejects(
    readManifest(text),
    /spec\.shards: unknown field.*spec\.config\.compression|compression.*shards/s,
  );
});

test("what this worker knows is validated, whatever else the configuration has", () => {
  const newer = liveSink();
  const spec = { ...newer.spec, shards: {}, config: { ...newer.spec.config, requestTimeout: "soon" } };
  assert.throws(
    () => readCopy(JSON.stringify({ ...newer, spec })),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /spec\.config\.requestTimeout/);
      assert.doesNotMatch(error.message, /shards/);
      return true;
    },
  );
});
