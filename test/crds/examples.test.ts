import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { ignoredProperties } from "../../crds/ignored.ts";
import { parseManifest } from "../../crds/manifest.ts";
import { childLabels } from "../../operator/desired/names.ts";
import { CRDS } from "./resource-definition.ts";

const examples = globSync("examples/*.yaml", { cwd: CRDS });

test("there is an example for each way of credentials and the common cases", () => {
  const names = examples.map((file) => basename(file, ".yaml"));
  const wanted = [
    "credentials-assume-role",
    "credentials-default-chain",
    "credentials-inline",
    "dead-letter",
    "encrypted",
    "local-emulator",
    "minimal",
    "ordered",
    "tls-and-token",
  ];
  assert.deepEqual(names.toSorted(), wanted);
});

for (const file of examples) {
  test(`${file} is valid, and every field in it has an effect`, () => {
    const result = parseManifest(readFileSync(join(CRDS, file), "utf8"));
    assert.ok(result.ok, JSON.stringify(result));
    assert.deepEqual(ignoredProperties(result.value), []);
    const labels = { ...result.value.spec.pod.labels, ...childLabels(result.value) };
    for (const { labelSelector } of result.value.spec.pod.topologySpreadConstraints ?? []) {
      assert.ok(labelSelector?.matchLabels, "without a selector it spreads nothing");
      assert.partialDeepStrictEqual(labels, labelSelector.matchLabels);
    }
  });
}
