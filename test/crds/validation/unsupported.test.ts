import assert from "node:assert/strict";
import { test } from "node:test";
import type { KinesisSinkSpec } from "../../../crds/kinesissink.generated.ts";
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
  const table = [
    { field: "spec.paused", used: ({ paused }: KinesisSinkSpec) => paused, remedy: "remove it" },
    { field: "spec.keyless", used: ({ keyless }: KinesisSinkSpec) => keyless === "Spread", remedy: "leave it out" },
  ];
  const result = validateKinesisSink(mergePatch(goodManifest, { spec: { paused: true } }));
  assert.ok(result.ok);
  const [error, ...others] = unsupportedFields(result.value, table);
  assert.equal(error?.field, "spec.paused");
  assert.equal(error?.message, "is not supported by this version: remove it");
  assert.deepEqual(others, []);
});
