import assert from "node:assert/strict";
import { test } from "node:test";
import { unsupportedFields } from "../../../crds/validation/unsupported.ts";
import { validateKinesisSink } from "../../../crds/validation/validate.ts";
import { goodManifest, mergePatch } from "../good-manifest.ts";

test("a plain sink uses nothing that is unsupported", () => {
  const result = validateKinesisSink(goodManifest);
  assert.ok(result.ok);
  assert.deepEqual(unsupportedFields(result.value), []);
});

test("decryption by the Wire client is supported", () => {
  for (const client of ["Auto", "Wire"]) {
    const patch = { spec: { pulsar: { client, encryption: { privateKeys: { name: "keys" } } } } };
    const result = validateKinesisSink(mergePatch(goodManifest, patch));
    assert.ok(result.ok);
    assert.deepEqual(unsupportedFields(result.value), []);
  }
});

test("decryption by the Native client is reported with a remedy, not passed over", () => {
  const patch = { spec: { pulsar: { client: "Native", encryption: { privateKeys: { name: "keys" } } } } };
  const result = validateKinesisSink(mergePatch(goodManifest, patch));
  assert.ok(result.ok);
  const [error, ...others] = unsupportedFields(result.value);
  assert.equal(error?.field, "spec.pulsar.encryption");
  assert.match(error?.message ?? "", /is not supported by this version: .* set spec\.pulsar\.client to Auto or Wire/);
  assert.deepEqual(others, []);
});
