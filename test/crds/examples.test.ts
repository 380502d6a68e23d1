import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { KINESIS_SINKS } from "../../crds/resource.ts";
import { ignoredProperties } from "../../crds/validation/ignored-properties.ts";
import { parseManifest } from "../../crds/validation/manifest.ts";
import { childLabels } from "../../operator/desired/names.ts";
import { CRDS } from "./resource-definition.ts";

const ROOT = join(import.meta.dirname, "../..");
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

const pages = ["README.md", ...globSync("docs/*.md", { cwd: ROOT })];
/** Whole manifests that stand in the documentation. */
const quoted = pages.flatMap((page) =>
  [...readFileSync(join(ROOT, page), "utf8").matchAll(/^```yaml\n(.*?)^```$/gms)]
    .map(([, text = ""]) => ({ page, text }))
    .filter(({ text }) => text.includes(`kind: ${KINESIS_SINKS.kind}\n`)),
);

test("there are manifests in the documentation", () => {
  assert.ok(quoted.length >= 2, `${quoted.length} found`);
});

for (const [index, { page, text }] of quoted.entries()) {
  test(`manifest ${index + 1} of the documentation, in ${page}, is valid, and every field in it has an effect`, () => {
    const result = parseManifest(text);
    assert.ok(result.ok, JSON.stringify(result));
    assert.deepEqual(ignoredProperties(result.value), []);
  });
}

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
