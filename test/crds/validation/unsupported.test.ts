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

test("decryption is supported by every client", () => {
  for (const client of ["Auto", "Wire", "Native"]) {
    const patch = { spec: { pulsar: { client, encryption: { privateKeys: { name: "keys" } } } } };
    const result = validateKinesisSink(mergePatch(goodManifest, patch));
    assert.ok(result.ok);
    assert.deepEqual(unsupportedFields(result.value), []);
  }
});

test("what this version does not do is reported with a remedy, not passed over", () => {
  const result = validateKinesisSink(mergePatch(goodManifest, { spec: { cleanupSubscription: true } }));
  assert.ok(result.ok);
  const [error, ...others] = unsupportedFields(result.value);
  assert.equal(error?.field, "spec.cleanupSubscription");
  assert.match(error?.message ?? "", /is not supported by this version: remove it, and delete the subscription/);
  assert.deepEqual(others, []);
});
