import assert from "node:assert/strict";
import { test } from "node:test";
import type { KinesisSink } from "../../../crds/kinesissink.generated.ts";
import { rules } from "../../../crds/validation/rules.ts";
import { validateKinesisSink } from "../../../crds/validation/validate.ts";
import { goodManifest } from "../good-manifest.ts";
import { celRules } from "../resource-definition.ts";
import { badManifest, badManifests } from "./bad-manifests.ts";

test("each CEL rule has exactly one twin, at the same place and in the same words", () => {
  const inDefinition = celRules().map(({ at, rule }) => `${at}: ${rule.message}`);
  const twins = rules.map(({ at, message }) => `${at}: ${message}`);
  assert.ok(inDefinition.length > 25, "the rules of the definition are found");
  assert.deepEqual(twins.toSorted(), inDefinition.toSorted());
});

test("a twin names the field that the API server names", () => {
  const named = new Map(celRules().map(({ at, rule }) => [`${at}: ${rule.message}`, `${at}${rule.fieldPath ?? ""}`]));
  const errors = badManifests.flatMap((bad) => {
    const result = validateKinesisSink(badManifest(bad));
    return result.ok ? [] : result.errors;
  });
  for (const rule of rules) {
    if (rule.at === "") continue;
    const error = errors.find(({ code }) => code === rule.id);
    const field = error?.field.replace(/\[\d+\]/g, "[]");
    assert.equal(field, named.get(`${rule.at}: ${rule.message}`), rule.id);
  }
});

test("ids of rules are unique, and each rule is broken by a bad manifest", () => {
  const ids = rules.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const seen = badManifests.flatMap((bad) => {
    const result = validateKinesisSink(badManifest(bad));
    return result.ok ? [] : result.errors.map(({ code }) => code);
  });
  assert.deepEqual(
    ids.filter((id) => !seen.includes(id)),
    [],
  );
});

test("a good manifest breaks no rule", () => {
  const result = validateKinesisSink(goodManifest);
  assert.ok(result.ok);
  const sink: KinesisSink = result.value;
  assert.deepEqual(
    rules.flatMap(({ broken }) => broken(sink)),
    [],
  );
});

test("a long malicious credential parameter is judged at once", () => {
  const hostile = { ...goodManifest.spec.config, awsCredentialPluginParam: `{${" ".repeat(8000)}` };
  const started = performance.now();
  const result = validateKinesisSink({ ...goodManifest, spec: { ...goodManifest.spec, config: hostile, secrets: {} } });
  assert.ok(!result.ok && result.errors.some(({ code }) => code === "CredentialParamJson"));
  assert.ok(performance.now() - started < 10_000);
});
