import assert from "node:assert/strict";
import { test } from "node:test";
import { validateKinesisSink } from "../../../crds/validation/validate.ts";
import { goodManifest } from "../good-manifest.ts";
import { badManifest, badManifests } from "./bad-manifests.ts";

test("the good manifest is taken", () => {
  assert.equal(validateKinesisSink(goodManifest).ok, true);
});

test("names of bad manifests are unique", () => {
  assert.equal(new Set(badManifests.map(({ name }) => name)).size, badManifests.length);
});

for (const bad of badManifests) {
  test(`refused, naming ${bad.field}: ${bad.name}`, () => {
    const result = validateKinesisSink(badManifest(bad));
    assert.ok(!result.ok, "it is taken");
    const found = result.errors.find(({ field, message }) => field === bad.field && message.includes(bad.message));
    assert.ok(found, JSON.stringify(result.errors));
  });
}
