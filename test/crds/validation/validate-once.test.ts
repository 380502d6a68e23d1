import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { validateKinesisSink } from "../../../crds/validation/validate.ts";
import { validateOnce } from "../../../crds/validation/validate-once.ts";
import { goodManifest, type Json, mergePatch } from "../good-manifest.ts";
import { randomManifest } from "../random-manifest.ts";
import { badManifest, badManifests } from "./bad-manifests.ts";

function agree(manifest: Json): void {
  assert.deepEqual(validateOnce(manifest), validateKinesisSink(manifest));
  const options = { unknownFields: "leave" } as const;
  assert.deepEqual(validateOnce(manifest, options), validateKinesisSink(manifest, options));
}

test("validating once fills in the same defaults", () => agree(goodManifest));

test("validating once finds the same errors in each bad manifest", () => {
  for (const bad of badManifests) agree(badManifest(bad));
});

test("validating once refuses a field that is there without a value", () => {
  agree(mergePatch(goodManifest, { spec: { config: { awsRegion: [] } } }));
  for (const name of ["pod", "deadLetter", "config", "pulsar"])
    agree({ ...goodManifest, spec: { ...goodManifest.spec, [name]: null } });
});

test("validating once refuses what is no manifest", () => {
  for (const manifest of [null, 1, "", [], {}]) agree(manifest);
});

test("validating once says what validating says of any manifest", () => {
  fc.assert(fc.property(randomManifest, agree), { numRuns: 60 });
});
