import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { load } from "js-yaml";
import type { PolicyRule } from "../../operator/kube/objects.ts";
import { NAMESPACE_RULES } from "../../operator/rbac.ts";
import { permissions } from "./permissions.ts";

const RULES = join(import.meta.dirname, "../../charts/kinesis-sink-operator/files/operator-rules.yaml");

describe("the operator's rules in the chart", () => {
  const rules = load(readFileSync(RULES, "utf8")) as PolicyRule[];

  it("are those that the operator declares", () => {
    assert.deepEqual(permissions(rules), permissions(NAMESPACE_RULES));
  });

  it("hold no verb on secrets and no wildcard", () => {
    const given = permissions(rules);
    assert.ok(given.length > 20);
    assert.deepEqual(
      given.filter((permission) => permission.includes("secrets") || permission.includes("*")),
      [],
    );
  });

  it("delete nothing but what a sink that exists may need no longer, and Jobs that have no owner", () => {
    assert.deepEqual(
      permissions(rules).filter((permission) => permission.includes(" delete")),
      [
        "/configmaps delete",
        "/serviceaccounts delete",
        "batch/jobs delete",
        "networking.k8s.io/networkpolicies delete",
        "policy/poddisruptionbudgets delete",
      ],
    );
  });

  it("hold neither escalate nor bind nor impersonate", () => {
    assert.deepEqual(
      permissions(rules).filter((permission) => / (escalate|bind|impersonate)$/.test(permission)),
      [],
    );
  });
});
